"""What an execution's page shows for three in the morning: what needs a person, what is late, where the time goes."""
