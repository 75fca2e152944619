"""Service accounts, and who has which right."""
