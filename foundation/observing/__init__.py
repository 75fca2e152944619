"""What is kept beside the work: what caused it, figures, spans of traces."""
