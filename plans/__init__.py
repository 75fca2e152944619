"""What should happen: recovery plans, their waves and steps, and every revision of them."""
