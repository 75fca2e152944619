"""What an engineer sees of drsorch: its log, its health, its figures, its traces."""
