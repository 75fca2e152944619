"""The history for people: a list to narrow, to arrange in columns, to save under a name, and to take away as a file."""
