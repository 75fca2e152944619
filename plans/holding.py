"""Plans are held to their newest revision, and every revision to the hash that the audit trail has of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, cast

from django.contrib.auth.models import User
from django.db.models import F

from audit.event_types import EventType
from audit.holding import Document, Followed, Told, differences, holds
from audit.models import Event
from plans import selectors
from plans.core.document import PlanDocument, filled_out
from plans.models import ApprovalDemand, Plan, PlanRevision


def hold() -> None:
    """Called once, when the app is ready."""
    holds("plan", RevisionHolder())


class Written(NamedTuple):
    """What the event of a revision says of it."""

    document_sha256: str
    saved_sha256: str
    by_id: int | None


class RevisionHolder:
    compared: Collection[str] = ()

    def begin(self) -> dict[int, Written]:
        """{number of the revision: what is known of it}"""
        return {}

    def follow(self, state: dict[int, Written], event: Told) -> None:
        if event.type.endswith(".deleted"):
            state.clear()
        elif "document_sha256" in event.detail:
            about = event.detail
            written = Written(about["document_sha256"], about.get("saved_sha256", ""), event.actor_id)
            state[about["revision"]] = written

    def faults(self, chains: Mapping[str, Followed]) -> Iterator[tuple[str, str]]:
        there: dict[str, dict[int, Written]] = defaultdict(dict)
        ids = [int(each) for each in chains if each.isdecimal()]
        for row in PlanRevision.objects.filter(plan__in=ids).order_by().iterator(500):
            there[str(row.plan_id)][row.number] = _stored(row)
        gone = _gone(stored.by_id for of_plan in chains.values() for stored in of_plan.state.values())
        for subject_id, chain in chains.items():
            written, stored = chain.state, there[subject_id]
            for number in sorted(written.keys() | stored.keys()):
                if number not in stored:
                    yield subject_id, f"Revision {number} was deleted."
                elif number not in written:
                    yield subject_id, f"Revision {number} was added in the database."
                elif written[number].document_sha256 != stored[number].document_sha256:
                    yield subject_id, f"Revision {number} was changed after it was saved."
                elif written[number] != _unless_gone(stored[number], written[number].by_id, gone):
                    what = "who saved it, when, or what changed"
                    yield subject_id, f"Revision {number}: {what} was changed after it was saved."
        yield from self._plans(chains)
        yield from self._demands(chains)
        yield from self._archive(chains)
        yield from self._sources(chains)

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
                if one.field != "agreed_by_id" or one.now is not None or not _gone([one.sealed]):
                    yield str(plan_id), one.sentence("plan")

    def _archive(self, chains: Mapping[str, Followed]) -> Iterator[tuple[str, str]]:
        """Plans that were put aside, or taken back, in the database."""
        for plan_id, now in selectors.archive_now([int(each) for each in chains if each.isdecimal()]).items():
            never: Document = {"plan": {str(plan_id): {"archived_at": None}}}
            _, sealed = chains[str(plan_id)].sealed.get(selectors.ARCHIVE, (0, never))
            yield from ((str(plan_id), one.sentence("plan")) for one in differences(sealed, now))

    def _sources(self, chains: Mapping[str, Followed]) -> Iterator[tuple[str, str]]:
        """Plans that the database says are kept elsewhere than they were applied from."""
        plans = Plan.objects.filter(pk__in=[int(each) for each in chains if each.isdecimal()])
        for plan_id, now in selectors.source_now(plans).items():
            never: Document = {"plan": {str(plan_id): {"source": None}}}
            _, sealed = chains[str(plan_id)].sealed.get(selectors.SOURCE, (0, never))
            yield from ((str(plan_id), one.sentence("plan")) for one in differences(sealed, now))

    def _plans(self, chains: Mapping[str, Followed]) -> Iterator[tuple[str, str]]:
        """Plans that are not what their newest revision says."""
        ids = [int(each) for each in chains if each.isdecimal()]
        newest = {each.plan_id: each for each in PlanRevision.objects.filter(plan__in=ids, number=F("plan__version"))}
        plans = {str(plan.pk): plan for plan in selectors.Plan.objects.with_waves().filter(pk__in=ids)}
        for subject_id in chains.keys() - plans.keys():
            if chains[subject_id].state:
                yield subject_id, "The plan was deleted, and the audit trail does not say so."
        for plan in plans.values():
            written: dict[int, Written] = chains[str(plan.pk)].state
            number, revision = max(written, default=0), newest.get(plan.pk)
            if plan.version != number:
                yield str(plan.pk), f"The plan says revision {plan.version}, and the newest that was saved is {number}."
            elif revision is None or _stored(revision).document_sha256 != written[number].document_sha256:
                continue  # told already
            elif (now := selectors.document(plan)) != revision.document:
                expected = _as_called_now(revision)
                if other := ", ".join(name for name, value in now.items() if value != expected.get(name)):
                    yield str(plan.pk), f"The plan is not as its newest revision, {number}, says: {other}."


def _stored(revision: PlanRevision) -> Written:
    from plans.services import document_sha256, saved_sha256

    document = document_sha256(cast("PlanDocument", revision.document))
    return Written(document, saved_sha256(revision), revision.saved_by_id)


def _gone(user_ids: Iterable[int | None]) -> set[int]:
    """Those of the users that do not exist any more."""
    ids = {each for each in user_ids if each is not None}
    return ids - set(User.objects.filter(pk__in=ids).values_list("pk", flat=True))


def _unless_gone(stored: Written, by_id: int | None, gone: Collection[int]) -> Written:
    """With the user whom the deletion of their row took from it."""
    return stored._replace(by_id=by_id) if stored.by_id is None and by_id in gone else stored


def _as_called_now(revision: PlanRevision) -> dict[str, Any]:
    """The document with the names that its groups have now: renaming one saves no revision."""
    renamed = Event.objects.filter(
        type=EventType.PROTECTION_GROUP_CHANGED, at__gte=revision.saved_at, detail__before__has_key="name"
    )
    document = filled_out(revision.document)
    waves: list[dict[str, Any]] = [{**wave} for wave in document["waves"]]
    for detail in renamed.order_by("at", "pk").values_list("detail", flat=True):
        before, after = detail["before"]["name"], detail["after"]["name"]
        for wave in waves:
            wave["protection_groups"] = [after if name == before else name for name in wave["protection_groups"]]
    return {**document, "waves": waves}
