"""The parts of an execution's page: what needs a person, what is late, where the time goes, its waves and events."""
