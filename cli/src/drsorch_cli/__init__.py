"""drsorch on the command line: a client of its API, and of nothing else."""

VERSION = "0.1.0"
