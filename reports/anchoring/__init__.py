"""Anchors: what outside drsorch shows that a sealed report existed at a time. Each is optional (ADR 0046).

A due row is committed with the report before anybody is asked. A worker makes the anchor, verifies what came, keeps it,
and records it in the execution's chain; it is retried for as long as it takes.
"""

from reports.anchoring.faults import anchor_faults
from reports.anchoring.tasks import anchors_make

__all__ = ["anchor_faults", "anchors_make"]
