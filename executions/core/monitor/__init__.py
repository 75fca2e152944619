"""What the page that follows an execution decides: where time went, what is late, and where it is drawn."""
