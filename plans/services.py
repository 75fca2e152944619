"""Writing plans. A plan is saved whole, as a numbered revision, by compare-and-swap on its version."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any, cast
from uuid import UUID

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from access import policy
from access.models import ScopeKind
from access.proposals import two_persons
from access.services import assignments_forget
from audit.canonical import canonical, plain
from audit.event_types import EventType
from audit.holding import Document
from audit.record import note_change, without_blanks
from foundation.errors import Conflict, FieldError, Invalid, Missing, Stale
from foundation.protectors import protectors
from foundation.sources import Declared
from foundation.sources.rows import declare, source_columns, source_moves
from foundation.wording import clock_utc, listing
from plans import demands, selectors, uses
from plans.clashing import Choices, Clashing
from plans.core import editing
from plans.core.differences import Difference, differences
from plans.core.document import PlanDocument, WaveDocument, filled_out, normalise
from plans.core.merging import merge
from plans.models import Plan, PlanRevision, Step, Wave, WaveGroup
from protection.models import ProtectionGroup

Change = Callable[[PlanDocument], Mapping[str, Any]]


def plan_save(
    *,
    plan: Plan | None = None,
    document: Mapping[str, Any],
    by: User,
    expected_version: int | None = None,
    declared: Declared | None = None,
) -> Plan:
    """Save the whole plan (docs/api.md, "A plan"): a new one, or the next revision of `plan`.

    With `expected_version`, a plan that has moved on raises `Stale`, and nothing is written. A document that changes
    nothing makes no revision. Returns the plan as it stands, ready for `selectors.document`.
    `declared` says where the document was applied from; a new place is recorded also where nothing else is new.
    """
    if plan is not None:
        return _change(plan, lambda current: document, by=by, expected_version=expected_version, declared=declared)
    policy.require(by, "plans.add_plan", sites=())
    with _saving():
        saved = _insert(document, by=by, declared=declared)
    return selectors.plan_now(saved)


def plan_patch(
    *,
    plan: Plan,
    changes: Mapping[str, Any],
    by: User,
    expected_version: int | None = None,
    choices: Choices | None = None,
) -> Plan:
    """Save the plan with the top-level fields in `changes` put in place of its own; `waves` is one such field.

    With `choices`, a change of revision `expected_version` is merged with what was saved since, here and in the
    functions below: `Clashing` is raised where that takes a person.
    """

    def put_in(current: PlanDocument) -> Mapping[str, Any]:
        return {**current, **changes}

    return _change(plan, put_in, by=by, expected_version=expected_version, choices=choices)


def plan_arrange(
    *, plan: Plan, board: editing.Arrangement, by: User, expected_version: int, choices: Choices | None = None
) -> Plan:
    """Save the waves as a board has them: names, groups, order, and what waits for what."""

    def arrange(current: PlanDocument) -> PlanDocument:
        return editing.arranged(current, board)

    return _change(plan, arrange, by=by, expected_version=expected_version, choices=choices)


def wave_save(
    *,
    plan: Plan,
    wave: Mapping[str, Any],
    replacing: str | None,
    by: User,
    expected_version: int,
    choices: Choices | None = None,
) -> Plan:
    """Save one wave, in place of the one named `replacing` or at the end of the plan.

    Errors of the wave itself come at paths within the wave, `name` or `steps.0.kind`.
    """
    prefix = ""

    def put_in(current: PlanDocument) -> PlanDocument:
        nonlocal prefix
        prefix = f"waves.{editing.position_of(current, replacing)}."
        return editing.with_wave(current, cast("WaveDocument", wave), replacing=replacing)

    try:
        return _change(plan, put_in, by=by, expected_version=expected_version, choices=choices)
    except Invalid as error:
        errors = [FieldError(each.attr.removeprefix(prefix), each.detail, each.code) for each in error.errors]
        raise Invalid.of(errors) from error


def wave_delete(*, plan: Plan, name: str, by: User, expected_version: int, choices: Choices | None = None) -> Plan:
    """Save the plan without the wave; raises `Invalid`, naming them, while other waves wait for it."""

    def take_out(current: PlanDocument) -> PlanDocument:
        return editing.without_wave(current, name)

    return _change(plan, take_out, by=by, expected_version=expected_version, choices=choices)


def revision_restore(*, plan: Plan, number: int, by: User, expected_version: int) -> Plan:
    """Save revision `number` again, as the next revision; raises `Invalid` if its groups no longer exist."""
    old = selectors.revision_get(plan, number, by)
    return _change(plan, lambda current: old.document, by=by, expected_version=expected_version)


def plan_delete(*, plan: Plan, by: User, expected_version: int | None = None, declared: Declared | None = None) -> None:
    """Delete a plan that was never run, with its revisions; one that was is evidence, and raises `Conflict`."""
    policy.require(by, "plans.delete_plan", on=plan)
    with transaction.atomic():
        current = _locked(plan, expected_version)
        document = selectors.document(selectors.plan_now(plan))
        policy.require(
            by, "plans.delete_plan", sites=selectors.sites_named(_locked_groups(document), document), plan=plan.pk
        )
        if protectors(current, 1):
            raise Conflict(
                f"Plan “{current}” has been run and cannot be deleted: its executions must be kept as evidence. "
                "Archive it instead.",
                code="has_executions",
            )
        two_persons("plan.delete", subject=("plan", plan.pk, current.name), version=current.version, by=by)
        note_change(
            "plan", plan.pk, current.name, EventType.PLAN_DELETED, before=_outline(document), after={}, by=by,
            seal=partial(demands.demand_end, current), **_why(declared),
        )  # fmt: skip
        current.delete()
        assignments_forget(kind=ScopeKind.PLAN, target=plan.pk, by=by)


def plan_copy(*, plan: Plan, name: str, by: User) -> Plan:
    """A new plan with the waves, steps and targets of this one. The two share their protection groups."""
    policy.require(by, "plans.add_plan", sites=())
    document = selectors.document(selectors.plan_now(plan))
    with _saving():
        saved = _insert({**document, "name": name}, by=by, copied_from=plan.name)
    return selectors.plan_now(saved)


def plan_archive(
    *, plan: Plan, by: User, expected_version: int | None = None, declared: Declared | None = None
) -> Plan:
    """Put the plan aside, with its history: lists leave it out, and no run of it can be started.

    Raises `Conflict` while an execution of it is active, or while it runs in recovery. An archived one stays as it is.
    """
    return _shelve(plan, by, expected_version, declared, archived=True)


def plan_unarchive(
    *, plan: Plan, by: User, expected_version: int | None = None, declared: Declared | None = None
) -> Plan:
    """Take the plan out of the archive. One that is in use stays as it is."""
    return _shelve(plan, by, expected_version, declared, archived=False)


def _shelve(plan: Plan, by: User, expected_version: int | None, declared: Declared | None, *, archived: bool) -> Plan:
    policy.require(by, "plans.archive_plan", on=plan)
    with transaction.atomic():
        current = _locked(plan, expected_version)
        if (current.archived_at is not None) != archived:
            if archived:
                _check_idle(current)
                two_persons("plan.archive", subject=("plan", plan.pk, current.name), version=current.version, by=by)
            before = current.archived_at
            current.archived_at = timezone.now() if archived else None
            current.save(update_fields=["archived_at"])
            note_change(
                "plan", plan.pk, current.name, EventType.PLAN_ARCHIVED if archived else EventType.PLAN_UNARCHIVED,
                before={"archived_at": before}, after={"archived_at": current.archived_at}, by=by,
                seal=partial(selectors.archive_sealed, plan.pk), **_why(declared),
            )  # fmt: skip
    return selectors.plan_now(plan)


def _why(declared: Declared | None) -> dict[str, Any]:
    """The words of whoever applied it, for the event."""
    return without_blanks(message=declared.message if declared else "")


def _check_idle(plan: Plan) -> None:
    if names := uses.under_way_of(plan.pk):
        sentence = f"Plan “{plan}” cannot be archived now: the {listing(names)} has not ended."
        raise Conflict(sentence, code="active_execution")
    if plan.recovered_by is not None:
        since = f"it has been running in recovery since {clock_utc(plan.recovered_at)}"
        sentence = f"Plan “{plan}” cannot be archived: {since}. Declare the recovery over first, on its page."
        raise Conflict(sentence, code="running_in_recovery")


def _check_in_use(plan: Plan) -> None:
    if plan.archived_at is not None:
        raise Conflict(f"Plan “{plan}” is archived and cannot be changed. Unarchive it first.", code="archived")


def plan_recovered(*, plan_id: int, by_execution: UUID | None, at: datetime | None, servers: int) -> None:
    """Note which execution the plan runs in recovery by, since when and with how many servers; None: it does not.

    No revision is saved: it is what the plan *is*, not what it says.
    """
    Plan.objects.filter(pk=plan_id).update(recovered_by=by_execution, recovered_at=at, recovered_servers=servers)


def _locked(plan: Plan, expected_version: int | None) -> Plan:
    """The plan's row, held until the transaction ends, if it still has the version that was expected."""
    current = Plan.objects.select_for_update().filter(pk=plan.pk).first()
    if current is None:
        raise Missing(f"Plan “{plan}” has been deleted in the meantime.")
    if expected_version is not None and current.version != expected_version:
        raise Stale(f"{_overtaken(current, expected_version)} Check the newer revision, then make your change again.")
    return current


def _overtaken(plan: Plan, version: int) -> str:
    """Who saved what meanwhile, in a sentence."""
    newest = selectors.revision_newest(plan)
    return (
        f"{newest.saved_by_name} saved revision {plan.version} of plan “{plan}” while you were editing revision "
        f"{version}."
    )


@contextmanager
def _saving() -> Iterator[None]:
    """One transaction. Its rules were checked; only a faster change by someone else leads to an integrity error."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        sentence = (
            "The plan was not saved: someone took its name or deleted one of its groups in the meantime. Try again."
        )
        raise Conflict(sentence, code="changed_meanwhile") from error


def _insert(raw: Mapping[str, Any], *, by: User, copied_from: str = "", declared: Declared | None = None) -> Plan:
    document = selectors.document_read(raw, by)
    groups = _locked_groups(document)
    policy.require(by, "plans.add_plan", sites=selectors.sites_named(groups, document))
    _check_name_free(document["name"], other_than=None)
    plan = Plan.objects.create(version=1, **_columns(document), **source_columns(declared))
    _write_waves(plan, document, groups)
    sealing = {**demands.demand_note(plan, groups.values()), **selectors.source_sealed(plan, declared)}
    _append_revision(plan, document, [], by=by, sealing=sealing, copied_from=copied_from, declared=declared)
    return plan


def _change(
    plan: Plan,
    change: Change,
    *,
    by: User,
    expected_version: int | None,
    choices: Choices | None = None,
    declared: Declared | None = None,
) -> Plan:
    """Save what `change` makes of the document that the plan has at that moment, or, with `choices`, of revision
    `expected_version`, merged with what was saved since."""
    policy.require(by, "plans.change_plan", on=plan)
    with _saving():
        current = _locked(plan, None if choices else expected_version)
        _check_in_use(current)
        if choices and expected_version is not None and expected_version != current.version:
            change = partial(_merged, current, change, expected_version, choices, by=by)
        saved = _replace(current, change, by=by, declared=declared)
    return selectors.plan_now(saved)


def _merged(
    plan: Plan, change: Change, version: int, choices: Choices, theirs: PlanDocument, *, by: User
) -> PlanDocument:
    """What `change` makes of the revision that its author had in front of them, and what was saved since, in one."""
    overtaken, newest = _overtaken(plan, version), selectors.revision_newest(plan)
    seen = selectors.revision_list(plan, by).filter(number=version).first()
    if seen is None:
        raise Stale(f"{overtaken} Check the newer revision, then make your change again.")
    base, groups = filled_out(seen.document), selectors.group_names(by)
    # A group may have been renamed or deleted since: that is theirs to have changed.
    named = {name for wave in base["waves"] for name in wave["protection_groups"]} - set(groups.values())
    mine = normalise(change(base), groups={**groups, **{-number: name for number, name in enumerate(named, 1)}})
    merged = merge(base, mine, theirs, choices.take if choices.seen == plan.version else {})
    problems: Sequence[FieldError] = ()
    if not merged.clashes:
        try:
            return normalise(merged.document, groups=groups)
        except Invalid as error:
            problems = error.errors
    raise Clashing(overtaken, newest=newest, base=base, theirs=theirs, merged=merged, problems=problems)


def _replace(plan: Plan, change: Change, *, by: User, declared: Declared | None = None) -> Plan:
    current = selectors.document(selectors.plan_now(plan))
    document = selectors.document_read(change(current), by)
    diff = differences(current, document)
    if not diff:
        return _keep(plan, declared, by=by) if source_moves(plan, declared) else plan
    groups = _locked_groups(current, document)
    policy.require(by, "plans.change_plan", sites=selectors.sites_named(groups, current, document), plan=plan.pk)
    # A role for the plan alone does not make it reach further.
    if more := selectors.sites_named(groups, document, but_not=current):
        policy.require(by, "plans.change_plan", sites=more)
    _check_name_free(document["name"], other_than=plan)
    version = plan.version + 1
    moved = Plan.objects.filter(pk=plan.pk, version=plan.version).update(
        version=version, updated_at=timezone.now(), **_columns(document), **source_columns(declared, plan)
    )
    if not moved:
        raise Stale(f"Plan “{plan}” was changed by someone else at the same moment. Read it again.")
    plan.version = version
    plan.waves.all().delete()
    _write_waves(plan, document, groups)
    plan.name, plan.approvals_required = document["name"], document["approvals_required"]
    noted = demands.demand_note(plan, _locked_groups(document).values())
    sealing = {**noted, **selectors.source_sealed(plan, declared)}
    _append_revision(plan, document, diff, by=by, sealing=sealing, declared=declared)
    return plan


def _keep(plan: Plan, declared: Declared | None, *, by: User) -> Plan:
    """The plan is kept elsewhere from now on. It is still the same plan, so no revision is saved."""
    policy.require(by, "plans.change_plan", on=plan)
    before = plan.source_facts
    plan.save(update_fields=declare(plan, declared))
    note_change(
        "plan", plan.pk, plan.name, EventType.PLAN_SOURCE_CHANGED,
        before={"source": before}, after={"source": plan.source_facts}, by=by,
        seal=partial(selectors.source_sealed, plan, declared), kept_at=str(plan.source), **_why(declared),
    )  # fmt: skip
    return plan


def _columns(document: PlanDocument) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != "waves"}


def _check_name_free(name: str, *, other_than: Plan | None) -> None:
    others = Plan.objects.filter(name=name)
    if other_than is not None:
        others = others.exclude(pk=other_than.pk)
    if others.exists():
        raise Invalid.field("name", f"There is already a plan named “{name}”.", "unique")


def _locked_groups(*documents: PlanDocument) -> dict[str, ProtectionGroup]:
    """The groups of all waves, by name; locked, so that none is deleted before the plan that uses it is committed."""
    names = {name for document in documents for wave in document["waves"] for name in wave["protection_groups"]}
    rows = ProtectionGroup.objects.select_for_update(no_key=True).filter(name__in=names)
    return {group.name: group for group in rows}


def _write_waves(plan: Plan, document: PlanDocument, groups: Mapping[str, ProtectionGroup]) -> None:
    """Write the waves, their groups and steps in three queries, however many there are."""
    waves = Wave.objects.bulk_create(
        Wave(
            plan=plan,
            position=position,
            **{key: value for key, value in wave.items() if key not in ("protection_groups", "steps")},
        )
        for position, wave in enumerate(document["waves"])
    )
    both = list(zip(waves, document["waves"], strict=True))
    WaveGroup.objects.bulk_create(
        WaveGroup(wave=row, position=position, protection_group=groups[name])
        for row, wave in both
        for position, name in enumerate(wave["protection_groups"])
    )
    Step.objects.bulk_create(
        Step(wave=row, position=position, **step) for row, wave in both for position, step in enumerate(wave["steps"])
    )


def _append_revision(
    plan: Plan,
    document: PlanDocument,
    diff: list[Difference],
    *,
    by: User,
    sealing: Mapping[str, Document],
    copied_from: str = "",
    declared: Declared | None = None,
) -> None:
    """Keep the document, and record what changed in it. The event holds its hash: a revision cannot be rewritten
    unnoticed.
    """
    created = not diff
    revision = PlanRevision(
        plan=plan,
        number=plan.version,
        saved_by=by,
        saved_by_name=by.get_username(),
        saved_at=timezone.now(),
        document=dict(document),
        diff=[dict(change) for change in diff],
        message=declared.message if declared else "",
        source={**declared.source.facts, "name": declared.name} if declared and declared.source else None,
    )
    note_change(
        "plan",
        plan.pk,
        document["name"],
        EventType.PLAN_CREATED if created else EventType.PLAN_CHANGED,
        before={change["path"]: change["before"] for change in diff},
        after=_outline(document) if created else {change["path"]: change["after"] for change in diff},
        by=by,
        seal=lambda: sealing,
        revision=plan.version,
        document_sha256=document_sha256(document),
        saved_sha256=saved_sha256(revision),
        **without_blanks(copied_from=copied_from, message=revision.message, source=revision.source),
    )
    revision.save()


def _outline(document: PlanDocument) -> dict[str, Any]:
    """The plan as the audit trail tells of it when it is created or deleted: its revision has the whole."""
    return {**_columns(document), "waves": [wave["name"] for wave in document["waves"]]}


def saved_sha256(revision: PlanRevision) -> str:
    """Of what a revision says beside its document, apart from the user's id: that is null once the user was deleted."""
    told = {"by": revision.saved_by_name, "at": revision.saved_at, "diff": revision.diff}
    told |= without_blanks(message=revision.message, source=revision.source)
    return hashlib.sha256(canonical(plain(told))).hexdigest()


def document_sha256(document: PlanDocument) -> str:
    """Of the document as JSON with sorted keys and no spaces, in hex."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
