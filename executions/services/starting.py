"""What a person, or a script for one, can do with executions. Every change goes through `transitions`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.utils import timezone

from access import policy
from access.core.grants import Touched
from audit import record
from audit.event_types import EventType
from audit.record import Entry
from drs.port import RecoverySnapshot
from executions import selectors, tasks, transitions
from executions.core.request import StartRequest
from executions.core.states import ExecutionKind, ExecutionStatus
from executions.engine import preflight
from executions.engine.basis import HELD
from executions.models import Execution, ServerRun, StepRun, WaveRun
from executions.samples import KeptForecast
from executions.sealing import DECISIONS, FROZEN, sealed
from executions.services import basis
from executions.services.basis import Shown
from executions.services.checks import check_plan_in_use, check_servers_free
from executions.services.stake import stake_acknowledge
from executions.transitions.said import status_say
from foundation.errors import Conflict, FieldError, Invalid
from foundation.wording import listing
from plans import readiness
from plans.core import Blueprint, BlueprintServer, Finding
from plans.models import Plan
from plans.selectors import approvals_demanded, revision_newest
from plans.selectors import blueprint as blueprint_of
from protection.models import Site

_START_PERMISSION = {ExecutionKind.DRILL: "executions.start_drill", ExecutionKind.RECOVERY: "executions.start_recovery"}


def execution_start(
    *,
    plan: Plan,
    kind: str,
    by: AbstractBaseUser,
    reason: str = "",
    point_in_time: datetime | None = None,
    confirm: str = "",
    cleanup_after_seconds: int | None = None,
    break_glass: bool = False,
    replace_instances: Collection[str] = (),
    seen: str = "",
    plan_revision: int | None = None,
    written: Callable[[Execution], None] | None = None,
) -> Execution:
    """Start a drill or a recovery of the plan's newest revision; a recovery may first wait for approvals.

    `replace_instances` names the live recovery instances that DRS may delete to launch anew, each by its id, or by its
    source server's where DRS does not list it: one that is not named refuses the start. Naming one takes the right to
    start a recovery, for a drill as well.

    `seen` says what whoever starts it was shown (`basis.Shown.seen`): if that is no longer so, the start is refused.
    `plan_revision` is the revision that the caller looked at: if there is a newer one, nothing starts. `written` is
    called in the transaction that writes the execution.

    Raises `NotAllowed`, `Invalid` (what was typed), `Conflict` (blocking findings, or another active execution) or
    `Unavailable` (DRS could not be asked what had to be known); then nothing is written and nothing launches.
    """
    if kind not in set(ExecutionKind):
        raise Invalid.field("kind", f"The kind must be drill or recovery, not “{kind}”.", "invalid_choice")
    kind = ExecutionKind(kind)
    blueprint = blueprint_of(plan)
    sites = {server.site_id for server in blueprint.servers}
    launched = _Launch(plan, sites)
    policy.require(by, _START_PERMISSION[kind], on=launched)
    if break_glass:
        policy.require(by, "executions.break_glass", on=launched)
    if plan_revision is not None and plan_revision != blueprint.revision:
        raise _newer_revision(plan, plan_revision)
    request = StartRequest(kind, reason, point_in_time, confirm, cleanup_after_seconds, break_glass)
    if errors := request.errors(plan.name, timezone.now()):
        raise Invalid.of(errors)
    versions = dict(Site.objects.filter(pk__in=sites).values_list("pk", "version"))
    findings = _check_ready(plan, blueprint, break_glass=break_glass, by=by)
    servers = preflight.servers_of(blueprint)
    _check_free(plan, servers, by)
    snapshots: dict[tuple[int, str], RecoverySnapshot] = {}
    if point_in_time is not None:
        snapshots, missing = preflight.snapshots_at(servers, point_in_time)
        if missing:
            raise Conflict(
                "Nothing was launched. " + " ".join(error.detail for error in missing),
                errors=missing,
                code="no_recovery_snapshot",
            )
    shown = basis.basis_of_plan(
        plan,
        kind,
        blueprint=blueprint,
        findings=findings,
        point_in_time=point_in_time,
        snapshots={key: (found.snapshot_id, found.taken_at) for key, found in snapshots.items()},
        reason=reason,
    )
    if seen and seen != shown.seen:
        raise _changed(shown)
    _check_launchable(shown, break_glass=break_glass)
    # What could not be asked is asked for again there, and refuses the start.
    replaced = None if shown.look.not_asked else shown.look.replaced
    acknowledged = stake_acknowledge(servers, replace_instances, by=by, on=plan, replaced=replaced)

    needed = blueprint.approvals_required if kind is ExecutionKind.RECOVERY and not break_glass else 0
    now = timezone.now()
    execution = Execution(
        plan=plan,
        plan_name=blueprint.plan_name,
        plan_revision=blueprint.revision,
        kind=kind,
        status=ExecutionStatus.AWAITING_APPROVAL if needed else ExecutionStatus.RUNNING,
        reason=reason,
        requested_by_id=by.pk,
        requested_by_name=by.get_username(),
        approvals_required=needed,
        approvals_expected=approvals_demanded(plan, now) if kind is ExecutionKind.RECOVERY else 0,
        break_glass=break_glass,
        point_in_time=point_in_time,
        requested_at=now,
        started_at=None if needed else now,
        rto_target_seconds=blueprint.rto_target_seconds,
        rpo_target_seconds=blueprint.rpo_target_seconds,
        cleanup_after_seconds=cleanup_after_seconds,
        **blueprint.purpose,
        approval_expires_at=now + timedelta(seconds=settings.DRSORCH_APPROVAL_SECONDS) if needed else None,
    )
    with transaction.atomic():
        check_plan_in_use(plan.pk, "launched")
        # Two starts at once queue here, so that no server gets into two executions.
        _check_sites_as_asked(list(Site.objects.select_for_update().filter(pk__in=sites).order_by("pk")), versions)
        _check_free(plan, servers, by)
        try:
            with transaction.atomic():
                execution.save(force_insert=True)
        except IntegrityError as error:
            raise _already_active(plan) from error
        _freeze(execution, blueprint, snapshots)
        KeptForecast.objects.create(execution=execution, due_at=now)
        _record_start(execution, blueprint, needed, basis.basis_keep(execution, shown, by, "request"))
        transitions.replacement_acknowledge(execution, acknowledged, execution.requested_by_name)
        status_say(execution, ExecutionStatus(execution.status), was="")
        tasks.nudge_on_commit(execution)
        if written is not None:
            written(execution)
    return Execution.objects.get(pk=execution.pk)


@dataclass(frozen=True, slots=True)
class _Launch:
    """What a start touches: what the plan does, and what was read to be launched, should the plan be changed now."""

    plan: Plan
    sites: Collection[int]

    @property
    def touched(self) -> Touched:
        of_plan = self.plan.touched
        return Touched(of_plan.sites | frozenset(self.sites), of_plan.plan)


# --- checks -------------------------------------------------------------------------------------------------------


def _check_ready(plan: Plan, blueprint: Blueprint, *, break_glass: bool, by: AbstractBaseUser) -> list[Finding]:
    """Raises `Conflict` if something blocks; returns what was found."""
    if not preflight.servers_of(blueprint):
        raise Conflict(
            f"Plan {plan.name} has no servers: its protection groups contain none at the moment.", code="no_servers"
        )
    findings = readiness.evaluate(plan, by)
    blocking = [finding for finding in findings if finding.severity == "blocking"]
    if blocking and not break_glass:
        raise Conflict(
            "Nothing was launched. " + " ".join(f"{found.message} {found.remedy}".strip() for found in blocking),
            errors=[FieldError("plan", f"{found.message} {found.remedy}".strip(), found.code) for found in blocking],
            code="not_ready",
        )
    return findings


def _check_launchable(shown: Shown, *, break_glass: bool) -> None:
    """What the inventory may not know yet: servers that DRS would not launch, or that a native execution holds."""
    errors = [FieldError("plan", sentence, code, key[1]) for key, (code, sentence) in shown.look.problems.items()]
    held = [found for found in shown.look.findings if found.code == HELD]
    errors += [FieldError("plan", f"{found.message} {found.remedy}", found.code, found.subject) for found in held]
    if errors and not break_glass:
        sentences = " ".join(error.detail for error in errors[:10])
        raise Conflict(f"Nothing was launched. {sentences}", errors=errors, code=errors[-1].code)


def _changed(shown: Shown) -> Conflict:
    sentence = "The plan, its servers, or what a launch would delete has changed since you looked at it."
    return Conflict(
        f"Nothing was launched. {sentence} Check how it is now, then start again.",
        errors=[FieldError("seen", sentence, basis.CHANGED, shown.seen)],
        code=basis.CHANGED,
    )


def _check_sites_as_asked(sites: Sequence[Site], versions: Mapping[int, int]) -> None:
    """What DRS was asked before holds only if the sites still lead to it."""
    if changed := [site.name for site in sites if versions.get(site.pk) != site.version]:
        raise Conflict(
            f"Site {listing(changed)} was changed at the same moment. Nothing was launched; start again.",
            code="changed_meanwhile",
        )


def _check_free(plan: Plan, servers: Sequence[BlueprintServer], by: AbstractBaseUser) -> None:
    """No other active execution of this plan, nor one that holds a server of it."""
    if (active := selectors.active_execution(plan)) is not None:
        raise _already_active(plan, selectors.known_to(by, [active]))
    check_servers_free(((server.site_id, server.source_server_id) for server in servers), field="plan", by=by)


def _newer_revision(plan: Plan, seen: int) -> Conflict:
    newest = revision_newest(plan)
    return Conflict(
        f"Nothing was launched: {newest.saved_by_name} saved revision {newest.number} of plan {plan.name}, and you "
        f"looked at revision {seen}. Check what it launches now, then start it again.",
        code="newer_revision",
    )


def _already_active(plan: Plan, known: Collection[UUID] = ()) -> Conflict:
    """`known`: its id, for those who may see it."""
    sentence = f"Plan {plan.name} already has an active execution. Wait for it to end, or cancel it."
    named = [FieldError("plan", sentence, "active_execution", str(pk)) for pk in known]
    return Conflict(sentence, errors=named, code="active_execution")


# --- freezing -----------------------------------------------------------------------------------------------------


def _freeze(execution: Execution, blueprint: Blueprint, snapshots: dict[tuple[int, str], RecoverySnapshot]) -> None:
    """Copy the plan's revision and its resolved servers: editing the plan cannot touch the execution."""
    waves = WaveRun.objects.bulk_create(
        WaveRun(
            execution=execution,
            position=wave.position,
            name=wave.name,
            depends_on=list(wave.depends_on),
            minimum_success_percent=wave.minimum_success_percent,
            on_failure=wave.on_failure,
            start_delay_seconds=wave.start_delay_seconds,
            launch_timeout_seconds=wave.launch_timeout_seconds,
        )
        for wave in blueprint.waves
    )
    StepRun.objects.bulk_create(
        StepRun(
            execution=execution,
            wave=run,
            position=position,
            name=step.name,
            description=step.description,
            link=step.link,
            when=step.when,
            kind=step.kind,
            timeout_seconds=step.timeout_seconds,
            on_failure=step.on_failure,
            parameters=dict(step.parameters),
        )
        for run, wave in zip(waves, blueprint.waves, strict=True)
        for position, step in enumerate(wave.steps)
    )
    servers = []
    for run, wave in zip(waves, blueprint.waves, strict=True):
        for position, server in enumerate(wave.servers):
            snapshot = snapshots.get((server.site_id, server.source_server_id))
            servers.append(
                ServerRun(
                    execution=execution,
                    wave=run,
                    site_id=server.site_id,
                    position=position,
                    source_server_id=server.source_server_id,
                    hostname=server.hostname,
                    os=server.os,
                    protection_group_name=server.protection_group,
                    recovery_snapshot_id=snapshot.snapshot_id if snapshot else "",
                    recovery_point_at=snapshot.taken_at if snapshot else None,
                )
            )
    ServerRun.objects.bulk_create(servers, batch_size=500)


def _record_start(execution: Execution, blueprint: Blueprint, approvals_needed: int, shown: str) -> None:
    servers = sum(len(wave.servers) for wave in blueprint.waves)
    detail: dict[str, Any] = {
        "kind": execution.kind,
        "plan_revision": execution.plan_revision,
        "waves": [wave.name for wave in blueprint.waves],
        "servers": servers,
        "basis": shown,
    }
    if execution.reason:
        detail["reason"] = execution.reason
    if execution.point_in_time:
        detail["point_in_time"] = execution.point_in_time.isoformat()
    entries = [
        Entry(
            EventType.EXECUTION_REQUESTED,
            execution.plan_name,
            detail,
            execution.requested_by_name,
            documents=sealed(execution, FROZEN, DECISIONS),
        )
    ]
    if execution.break_glass:
        entries.append(
            Entry(
                EventType.EXECUTION_BREAK_GLASS,
                execution.plan_name,
                {"reason": execution.reason},
                execution.requested_by_name,
            )
        )
    if execution.has_fewer_approvals:
        detail = {"approvals": execution.approvals_required, "expected": execution.approvals_expected}
        name = execution.plan_name
        entries.append(Entry(EventType.EXECUTION_FEWER_APPROVALS, name, detail, execution.requested_by_name))
    if not approvals_needed:
        entries.append(Entry(EventType.EXECUTION_STARTED, execution.plan_name, {}, execution.requested_by_name))
    record.append(execution, entries)
