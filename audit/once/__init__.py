"""What is written once, and never changed or deleted: neither through the ORM nor past it."""
