"""Asking others outside: where it may go, and how long it may take."""
