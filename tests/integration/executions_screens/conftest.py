"""The pages of executions on the engine's stage: a simulated DRS, and a clock set by hand."""

from tests.integration.executions.conftest import clock, dublin, frankfurt, seldom_polls, stage, world

__all__ = ["clock", "dublin", "frankfurt", "seldom_polls", "stage", "world"]
