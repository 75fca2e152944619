"""`make demo`: a drill of a three-tier application, end to end, on this machine and without AWS.

Everything it shows goes through the product's own front door: the REST API, with tokens of the demo's users.
"""
