"""Benchmarks of the engine on a simulated clock: `make bench`. What is counted does not depend on the machine."""
