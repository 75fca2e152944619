"""Rows in, what a screen shows out. Pure functions: no query, no clock of their own; times and rows are handed in."""
