"""What each call does, and what it answers."""
