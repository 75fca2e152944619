"""People who sign in by an identity provider (OpenID Connect), and what its groups give them (ADR 0050).

`claims` and `id_tokens` decide, and know neither a network nor a database; `discovery` asks the provider; `arriving`
makes the person and the roles; `mapping` keeps the table of groups, and who is linked; `views` are the two addresses.
"""
