"""The chained record of everything: who did what, when, to which row."""
