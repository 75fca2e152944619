"""Who may do what: roles, the one policy, tokens."""
