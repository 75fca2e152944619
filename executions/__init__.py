"""Run it: executions of plans, the engine that moves them, the evidence they leave."""
