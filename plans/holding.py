"""Plans are held to their newest revision, and every revision to the hash that the audit trail has of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from django.contrib.auth.models import User
from django.db.models import F

from audit.event_types import EventType
from audit.holding import Followed, Told, differences, holds
from audit.models import Event
from plans import selectors
from plans.core.document import PlanDocument
from plans.models import ApprovalDemand, Plan, PlanRevision


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
        yield from self._plans(chains)
        yield from self._demands(chains)

    def existing(self) -> Iterable[tuple[object, str]]:
        yield from Plan.objects.order_by("pk").values_list("pk", "name").iterator(2000)
        # They outlive their plan, but not its chain.
        demands = ApprovalDemand.objects.exclude(plan_id__in=Plan.objects.values("pk")).order_by("plan_id")
        yield from demands.values_list("plan_id", "plan_name").distinct().iterator(2000)

    def _demands(self, chains: Mapping[str, Followed]) -> Iterator[tuple[str, str]]:
        """How many approvals were asked for, and who agreed to fewer, against what was sealed of it."""
        from plans.demands import PART, demands_now

        rows = demands_now([int(each) for each in chains if each.isdecimal()])
        for plan_id, now in rows.items():
            _, sealed = chains[str(plan_id)].sealed.get(PART, (0, {}))
            for one in differences(sealed, now):
                if one.field != "agreed_by_id" or one.now is not None or User.objects.filter(pk=one.sealed).exists():
                    yield str(plan_id), one.sentence("plan")

    def _plans(self, chains: Mapping[str, Followed]) -> Iterator[tuple[str, str]]:
        """Plans that are not what their newest revision says."""
        from plans.services import document_sha256

        ids = [int(each) for each in chains if each.isdecimal()]
        newest = {each.plan_id: each for each in PlanRevision.objects.filter(plan__in=ids, number=F("plan__version"))}
        plans = {str(plan.pk): plan for plan in selectors.plan_list().filter(pk__in=ids)}
        for subject_id in chains.keys() - plans.keys():
            if chains[subject_id].state:
                yield subject_id, "The plan was deleted, and the audit trail does not say so."
        for plan in plans.values():
            written: dict[int, str] = chains[str(plan.pk)].state
            number, revision = max(written, default=0), newest.get(plan.pk)
            if plan.version != number:
                yield str(plan.pk), f"The plan says revision {plan.version}, and the newest that was saved is {number}."
            elif revision is None or document_sha256(cast("PlanDocument", revision.document)) != written[number]:
                continue  # told already
            elif (now := selectors.document(plan)) != revision.document:
                expected = _as_called_now(revision)
                if other := ", ".join(name for name, value in now.items() if value != expected.get(name)):
                    yield str(plan.pk), f"The plan is not as its newest revision, {number}, says: {other}."


def _as_called_now(revision: PlanRevision) -> dict[str, Any]:
    """The document with the names that its groups have now: renaming one saves no revision."""
    renamed = Event.objects.filter(
        type=EventType.PROTECTION_GROUP_CHANGED, at__gte=revision.saved_at, detail__before__has_key="name"
    )
    waves = [dict(wave) for wave in revision.document.get("waves", ())]
    for detail in renamed.order_by("pk").values_list("detail", flat=True):
        before, after = detail["before"]["name"], detail["after"]["name"]
        for wave in waves:
            wave["protection_groups"] = [after if name == before else name for name in wave["protection_groups"]]
    return {**revision.document, "waves": waves}
