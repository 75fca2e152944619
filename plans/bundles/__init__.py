"""Plans as code: everything as documents, read and applied as one (`applying`), and under /api/v1/ (`api`)."""
