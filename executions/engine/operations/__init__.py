"""ACT: a module for each kind of operation, and `sending`, which all of them go through."""
