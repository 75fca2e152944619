"""Anchors: what outside drsorch shows that a version existed at a time. Each is optional."""

from __future__ import annotations

from reports.models import Anchor, Evidence


def anchors_make(evidence: Evidence) -> None:
    """Have the anchors made that are configured; called in the transaction that seals."""


def anchor_faults(anchor: Anchor) -> list[str]:
    return []
