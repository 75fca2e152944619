"""The history: which executions are asked for, what each has achieved, and all of it as a file."""
