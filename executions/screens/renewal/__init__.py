"""How an execution's page is renewed: its parts, what the whole of it stands by, what it says of itself."""
