"""How a request of the API is let in, and what its answer says of its token."""
