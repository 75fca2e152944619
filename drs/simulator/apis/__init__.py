"""The doors of the simulator: one module for each protocol, and the control door for tests."""
