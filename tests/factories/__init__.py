"""Makers of rows that scenarios need: what exists is saved by the services themselves where that is what counts."""
