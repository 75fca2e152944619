"""Revisions of plans are held to the hash that the audit trail has of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import cast

from audit.holding import Followed, Told, holds
from plans.core.document import PlanDocument
from plans.models import PlanRevision


def hold() -> None:
    """Called once, when the app is ready."""
    holds("plan", RevisionHolder())


class RevisionHolder:
    def begin(self) -> dict[int, str]:
        """{number of the revision: SHA-256 of its document}"""
        return {}

    def follow(self, state: dict[int, str], event: Told) -> None:
        if event.type.endswith(".deleted"):
            state.clear()
        elif "document_sha256" in event.detail:
            state[event.detail["revision"]] = event.detail["document_sha256"]

    def faults(self, chains: Mapping[str, Followed]) -> Iterator[tuple[str, str]]:
        from plans.services import document_sha256

        there: dict[str, dict[int, str]] = defaultdict(dict)
        ids = [int(each) for each in chains if each.isdecimal()]
        rows = PlanRevision.objects.filter(plan__in=ids).order_by().values_list("plan_id", "number", "document")
        for plan_id, number, document in rows.iterator(500):
            there[str(plan_id)][number] = document_sha256(cast("PlanDocument", document))
        for subject_id, chain in chains.items():
            written, stored = chain.state, there[subject_id]
            for number in sorted(written.keys() | stored.keys()):
                if number not in stored:
                    yield subject_id, f"Revision {number} was deleted."
                elif number not in written:
                    yield subject_id, f"Revision {number} was added in the database."
                elif written[number] != stored[number]:
                    yield subject_id, f"Revision {number} was changed after it was saved."
