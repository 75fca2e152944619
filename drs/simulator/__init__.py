"""A DRS to try things on: speaks the wire protocol, so that an unmodified boto3 or AWS CLI works against it."""
