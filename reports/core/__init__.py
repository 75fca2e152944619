"""Pure: rows in, reports out."""
