"""The control a person has over an execution that runs or ran. Each is idempotent and guarded by what it finds."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.utils import timezone

from access.policy import Person
from audit.event_types import EventType
from audit.record import Entry, without_blanks
from executions import tasks, transitions
from executions.core.stake import Replaced
from executions.core.states import (
    EXECUTION_ACTIVE,
    EXECUTION_REOPENABLE,
    SERVER_RETRIABLE,
    WAVE_FINAL,
    CleanupStatus,
    ExecutionKind,
    ExecutionStatus,
    ServerStatus,
    StepStatus,
    WaveStatus,
)
from executions.engine import preflight
from executions.models import Execution, LateInstance, ServerRun, SiteWatch, StepRun, WaveRun
from executions.selectors import site_ids_of
from executions.services import basis
from executions.services.basis import Shown
from executions.services.checks import (
    check_not_cleaned_up,
    check_plan_in_use,
    check_right,
    check_servers_free,
    check_status,
    locked_as_seen,
    state,
)
from executions.services.named import step_named, wave_named
from executions.services.scenes import Precondition
from executions.services.stake import acknowledged_of, stake_acknowledge
from foundation.errors import Conflict, Invalid
from plans.core import BlueprintServer


def execution_pause(
    *, execution: Execution, by: AbstractBaseUser, comment: str = "", precondition: Precondition | None = None
) -> Execution:
    """Start nothing new. Launches in progress and running steps finish. Pausing twice changes nothing."""
    check_right(by, "executions.control_execution", execution)
    return _switch(
        execution, ExecutionStatus.RUNNING, ExecutionStatus.PAUSED, by=by, comment=comment, precondition=precondition
    )


def execution_resume(
    *,
    execution: Execution,
    by: AbstractBaseUser,
    comment: str = "",
    seen: str = "",
    precondition: Precondition | None = None,
) -> Execution:
    """Continue where it was paused. Resuming twice changes nothing."""
    check_right(by, "executions.control_execution", execution)
    shown = resume_basis(execution, by)
    return _switch(
        execution,
        ExecutionStatus.PAUSED,
        ExecutionStatus.RUNNING,
        by=by,
        comment=comment,
        precondition=precondition,
        shown=shown,
        seen=seen,
    )


#: What is done to an execution that goes there, and the event that tells of it.
_SWITCHED = {
    ExecutionStatus.PAUSED: ("paused", EventType.EXECUTION_PAUSED),
    ExecutionStatus.RUNNING: ("resumed", EventType.EXECUTION_RESUMED),
}


def _switch(
    execution: Execution,
    frm: ExecutionStatus,
    to: ExecutionStatus,
    *,
    by: AbstractBaseUser,
    comment: str,
    precondition: Precondition | None,
    shown: Shown | None = None,
    seen: str = "",
) -> Execution:
    with locked_as_seen(execution, precondition) as current:
        if current.status != to:
            what, told = _SWITCHED[to]
            if to is ExecutionStatus.RUNNING and current.status == frm:
                basis.check_looked(current, shown)
            detail = without_blanks(comment=comment, basis=_keep_if_seen(current, shown, seen, by=by, action=what))
            entry = Entry(told, current.plan_name, detail, by.get_username())
            if not transitions.execution_move(current.pk, {frm}, to, entry):
                raise Conflict(f"Only a {frm} execution can be {what}; this one {state(current)}.", code="wrong_status")
            tasks.nudge_on_commit(current, asked_by=by.get_username() if to is ExecutionStatus.RUNNING else "")
    return Execution.objects.get(pk=execution.pk)


def resume_basis(execution: Execution, by: Person, wave: str = "") -> Shown | None:
    """What resuming it rests on now; asks DRS. None unless it is paused, and if it was requested without a basis."""
    current = Execution.objects.get(pk=execution.pk)
    return basis.basis_if_kept(current, by) if current.status == ExecutionStatus.PAUSED else None


def retry_basis(execution: Execution, by: Person, wave: str) -> Shown | None:
    """What retrying all of the wave rests on now, whichever part is then chosen; asks DRS."""
    current = Execution.objects.get(pk=execution.pk)
    return basis.basis_if_kept(current, by, launched_by_retry(current, wave_named(current, wave), None, None))


def _keep_if_seen(
    execution: Execution,
    shown: Shown | None,
    seen: str,
    *,
    by: AbstractBaseUser,
    action: str,
    named: Collection[Replaced] = (),
    new_snapshots: bool = False,
    about: Collection[str] | None = None,
) -> str:
    """Keep what a locked execution goes on with; raises `Conflict` if that has changed and whoever presses does not say
    that they know. Returns the SHA-256 of what was kept."""
    if shown is None:
        return ""
    basis.check_as_seen(execution, shown, seen, action, named=named, new_snapshots=new_snapshots, about=about)
    return basis.basis_keep(execution, shown, by, _PRESS[action])


_PRESS = {"resumed": "resume", "retried": "retry"}


def execution_retry(
    *,
    execution: Execution,
    by: AbstractBaseUser,
    wave: str,
    servers: Collection[str] | None = None,
    step: str | None = None,
    point_in_time: datetime | None = None,
    replace_instances: Collection[str] = (),
    seen: str = "",
    comment: str = "",
    precondition: Precondition | None = None,
) -> Execution:
    """Retry what failed in the wave: all of it, the servers named, or a step.

    With `point_in_time`, servers are launched from their newest recovery snapshot at or before it. A failed execution
    continues from there with the waves that it had cancelled. `replace_instances` is as for a start.

    Asking again while the retry is under way changes nothing.
    """
    check_right(by, "executions.control_execution", execution)
    execution = Execution.objects.get(pk=execution.pk)
    run, wanted_step = wave_named(execution, wave), step_named(execution, wave, step)
    _check_servers(run, servers)
    launched = launched_by_retry(execution, run, servers, wanted_step)
    shown = retry_basis(execution, by, wave)
    named = {(row.site_id, row.source_server_id) for row in launched}
    acknowledged = stake_acknowledge(
        launched,
        replace_instances,
        by=by,
        on=execution,
        already=acknowledged_of(execution),
        replaced=None
        if shown is None or shown.look.not_asked
        else [one for one in shown.look.replaced if (one.site, one.source_server_id) in named],
    )
    snapshots = _snapshots(run, servers, point_in_time)

    def change(current: Execution, run: WaveRun) -> int:
        with transaction.atomic():
            kept = _keep_if_seen(
                current,
                shown,
                seen,
                by=by,
                action="retried",
                named=acknowledged,
                new_snapshots=snapshots is not None,
                about={row.source_server_id for row in launched},
            )
            detail = without_blanks(comment=comment, step=step, basis=kept)
            entry = Entry(EventType.EXECUTION_RETRIED, run.name, detail, by.get_username())
            retried = transitions.wave_retry(
                current, run, servers=servers, step=wanted_step, snapshots=snapshots, entry=entry
            )
            if retried:
                transitions.replacement_acknowledge(current, acknowledged, by.get_username())
            else:
                # It is under way already: what was shown is kept with an event, or not at all.
                transaction.set_rollback(True)
        return retried

    return _reopen(execution, change, run, precondition, "retried", by=by)


def execution_skip(
    *,
    execution: Execution,
    by: AbstractBaseUser,
    wave: str,
    servers: Collection[str] | None = None,
    step: str | None = None,
    comment: str = "",
    precondition: Precondition | None = None,
) -> Execution:
    """Skip a wave, or servers or a step of it, for a stated reason. A failed execution continues."""
    check_right(by, "executions.control_execution", execution)
    if not comment.strip():
        raise Invalid.field("comment", "Enter why you are skipping it. It is recorded in the audit trail.", "required")
    run, wanted_step = wave_named(execution, wave), step_named(execution, wave, step)
    _check_servers(run, servers)
    entry = Entry(EventType.EXECUTION_SKIPPED, run.name, without_blanks(comment=comment, step=step), by.get_username())

    def change(current: Execution, run: WaveRun) -> int:
        launching = run.servers.filter(status=ServerStatus.LAUNCHING)
        if servers is not None:
            launching = launching.filter(source_server_id__in=servers)
        if step is None and launching.exists():
            names = [str(server) for server in launching]
            are = "is" if len(names) == 1 else "are"
            raise Conflict(
                f"{', '.join(names[:5])} {are} being launched and DRS cannot stop that. Wait for the result, then "
                "skip.",
                code="launching",
            )
        return transitions.wave_skip(current, run, servers=servers, step=wanted_step, entry=entry)

    return _reopen(execution, change, run, precondition, "skipped", by=by)


def execution_cleanup(
    *, execution: Execution, by: AbstractBaseUser, comment: str = "", precondition: Precondition | None = None
) -> Execution:
    """Terminate the drill's instances. Asking again retries those that could not be terminated."""
    check_right(by, "executions.cleanup_execution", execution)
    with locked_as_seen(execution, precondition) as current:
        if current.kind != ExecutionKind.DRILL:
            raise Conflict(
                "Only a drill can be cleaned up; these instances belong to a real recovery.", code="not_a_drill"
            )
        if current.status in EXECUTION_ACTIVE:
            raise Conflict(f"The drill {state(current)}. Clean up when it has ended.", code="not_over")
        if current.cleanup_status in (CleanupStatus.RUNNING, CleanupStatus.SUCCEEDED):
            return current
        for rows in (ServerRun.objects, LateInstance.objects):
            rows.filter(execution=current).update(cleanup_tries=0, cleanup_not_before=None)
        transitions.operations_follow(current)
        transitions.cleanup_move(
            current.pk,
            (CleanupStatus.NONE, CleanupStatus.SCHEDULED, CleanupStatus.FAILED),
            CleanupStatus.RUNNING,
            Entry(EventType.CLEANUP_RUNNING, current.plan_name, without_blanks(comment=comment), by.get_username()),
        )
        tasks.nudge_on_commit(current, asked_by=by.get_username())
        followed = current.operations.open().values_list("site", flat=True)
        tasks.poll_on_commit(SiteWatch.objects.filter(pk__in=followed).values_list("pk", flat=True))
    return Execution.objects.get(pk=execution.pk)


# --- finding what is named ----------------------------------------------------------------------------------------


def _check_servers(wave: WaveRun, servers: Collection[str] | None) -> None:
    if servers is None:
        return
    if not servers:
        raise Invalid.field("servers", "No server is selected. Select at least one, or the whole wave.")
    there = set(wave.servers.values_list("source_server_id", flat=True))
    if unknown := sorted(set(servers) - there):
        what = f"Wave {wave.name} has no server {', '.join(unknown)}."
        raise Invalid.field("servers", f"{what} Use the source server ids of its servers.", "unknown")


def launched_by_retry(
    execution: Execution, wave: WaveRun, servers: Collection[str] | None, step: StepRun | None
) -> list[ServerRun]:
    """What a retry launches: what failed, and what was held back when the execution failed."""
    held_back = execution.servers.filter(status=ServerStatus.CANCELLED)
    found = [] if execution.status in EXECUTION_ACTIVE else list(held_back)
    if step is not None:
        return found
    rows = wave.servers.filter(status__in=SERVER_RETRIABLE)
    return [*found, *(rows if servers is None else rows.filter(source_server_id__in=servers))]


def _snapshots(
    wave: WaveRun, servers: Collection[str] | None, point_in_time: datetime | None
) -> transitions.Snapshots | None:
    """Asked of DRS before anything is written."""
    if point_in_time is None:
        return None
    rows = wave.servers.filter(status__in=SERVER_RETRIABLE)
    if servers is not None:
        rows = rows.filter(source_server_id__in=servers)
    wanted = [BlueprintServer(row.site_id, row.source_server_id, row.hostname, row.os, "") for row in rows]
    chosen, missing = preflight.snapshots_at(wanted, point_in_time)
    if missing:
        raise Conflict(
            "Nothing was retried. " + " ".join(error.detail for error in missing),
            errors=missing,
            code="no_recovery_snapshot",
        )
    return transitions.Snapshots(
        {source: (snapshot.snapshot_id, snapshot.taken_at) for (_, source), snapshot in chosen.items()}
    )


def _reopen(
    execution: Execution,
    change: Callable[[Execution, WaveRun], int],
    wave: WaveRun,
    precondition: Precondition | None,
    action: str,
    *,
    by: AbstractBaseUser,
) -> Execution:
    """Make the change under the execution's lock, and have the engine look."""
    try:
        with transaction.atomic(), locked_as_seen(execution, precondition) as current:
            if current.status not in EXECUTION_REOPENABLE:
                raise Conflict(f"Nothing can be {action}: the execution {state(current)}.", code="wrong_status")
            if current.status not in EXECUTION_ACTIVE:
                check_plan_in_use(current.plan_id, action)
                check_not_cleaned_up(current, action)
                check_servers_free(current.servers.values_list("site_id", "source_server_id"), field="execution", by=by)
            fresh = WaveRun.objects.get(pk=wave.pk)
            if not change(current, fresh) and not _under_way(fresh, action):
                raise Conflict(f"Nothing in wave {wave.name} can be {action}: it {state(fresh)}.", code="wrong_status")
            tasks.nudge_on_commit(current, asked_by=by.get_username())
    except IntegrityError as error:
        raise Conflict(
            f"Plan {execution.plan_name} now has another active execution. Wait for it to end.", code="active_execution"
        ) from error
    return Execution.objects.get(pk=execution.pk)


def _under_way(wave: WaveRun, action: str) -> bool:
    """True if the same was requested before, and is being done or was done."""
    if wave.status not in WAVE_FINAL:
        return True
    if action != "skipped":
        return False
    parts = wave.servers.filter(status=ServerStatus.SKIPPED), wave.steps.filter(status=StepStatus.SKIPPED)
    return wave.status == WaveStatus.SKIPPED or any(part.exists() for part in parts)


def execution_look(
    *, execution: Execution, by: AbstractBaseUser, comment: str = "", precondition: Precondition | None = None
) -> Execution:
    """Have the engine work on it now, on its steps and its sites too, also where looks at them raised."""
    check_right(by, "executions.control_execution", execution)
    with locked_as_seen(execution, precondition) as current:
        StepRun.objects.tried_by_engine().filter(execution=execution).nudge(by_person=True)
        SiteWatch.objects.filter(pk__in=site_ids_of(execution), due_at__isnull=False).nudge(by_person=True)
        tasks.nudge_on_commit(current)
        tasks.poll_on_commit(SiteWatch.objects.filter(pk__in=site_ids_of(execution)).values_list("pk", flat=True))
    return Execution.objects.get(pk=execution.pk)


def execution_end(
    *, execution: Execution, by: AbstractBaseUser, comment: str = "", precondition: Precondition | None = None
) -> Execution:
    """End an execution that the engine cannot work on: the last resort, when every look at it raises.

    Nothing is asked of DRS. Launches in progress go on there, unseen; their servers become `unknown`.
    """
    check_right(by, "executions.control_execution", execution)
    if not comment.strip():
        raise Invalid.field("comment", "Enter why you are ending it. It is recorded in the audit trail.", "required")
    with locked_as_seen(execution, precondition) as current:
        if current.raised_since is None:
            raise Conflict(
                f"drsorch can work on this execution, which {state(current)}. Cancel it instead.", code="still_possible"
            )
        entry = Entry(EventType.EXECUTION_CANCELLED, current.plan_name, {"comment": comment}, by.get_username())
        if not transitions.execution_end(current.pk, entry, by.get_username()):
            raise Conflict(f"There is nothing to end: the execution {state(current)}.", code="wrong_status")
    return Execution.objects.get(pk=execution.pk)


def execution_cancel(
    *, execution: Execution, by: AbstractBaseUser, comment: str = "", precondition: Precondition | None = None
) -> Execution:
    """Cancel: nothing new starts. Launches in progress cannot be stopped; the execution waits for them."""
    check_right(by, "executions.control_execution", execution)
    with locked_as_seen(execution, precondition) as current:
        if current.status in (ExecutionStatus.CANCELLING, ExecutionStatus.CANCELLED):
            return current
        check_status(current, EXECUTION_ACTIVE, "cancelled")
        entry = Entry(
            EventType.EXECUTION_CANCELLING, current.plan_name, without_blanks(comment=comment), by.get_username()
        )
        if current.status == ExecutionStatus.AWAITING_APPROVAL:
            transitions.execution_move(
                current.pk,
                (ExecutionStatus.AWAITING_APPROVAL,),
                ExecutionStatus.CANCELLED,
                Entry(
                    EventType.EXECUTION_CANCELLED, current.plan_name, without_blanks(comment=comment), by.get_username()
                ),
                finished_at=timezone.now(),
                outcome=f"Cancelled by {by.get_username()} before it was approved.",
            )
            transitions.execution_abandon(
                current.pk, f"{by.get_username()} cancelled the execution.", actor=by.get_username()
            )
        else:
            transitions.execution_move(current.pk, EXECUTION_ACTIVE, ExecutionStatus.CANCELLING, entry)
            tasks.nudge_on_commit(current)
    return Execution.objects.get(pk=execution.pk)
