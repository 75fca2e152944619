"""What can go wrong inside the engine, beyond the domain errors that people see."""

from __future__ import annotations


class LeaseLost(Exception):
    """Another worker holds the execution now; whatever this one still wanted to write is not written."""
