"""Clean-up: terminating the instances that a drill launched, in batches, each verified, failures tried again."""

from __future__ import annotations

from dataclasses import replace

from executions.core.actions import BeginCleanup, FinishCleanup, Terminate, VerifyTerminated
from executions.core.following import look_for_job
from executions.core.packing import budget_of, pack
from executions.core.snapshot import OperationView, ServerView
from executions.core.states import OPERATION_OPEN, CleanupStatus, OperationKind, OperationState, ServerStatus
from executions.core.working import Working

#: A termination that fails is tried so often by itself; after that a person looks at it. What passes by itself, such as
#: throttling or an account without room for another job, is waited for and does not count.
_TRIES = 3
_MAY_HAVE_INSTANCE = frozenset({ServerStatus.LAUNCHED, ServerStatus.UNKNOWN, ServerStatus.FAILED, ServerStatus.SKIPPED})


def clean_up(work: Working) -> None:
    """Move the clean-up of an execution that is over."""
    if work.snapshot.cleanup_status is CleanupStatus.SCHEDULED:
        due_at = work.snapshot.cleanup_due_at
        if due_at is not None and work.now < due_at:
            work.wake(due_at)
        else:
            work.act(BeginCleanup())
        return
    if work.snapshot.cleanup_status is not CleanupStatus.RUNNING:
        return
    _follow_terminations(work)
    left = [server for server in work.servers.values() if has_drill_instance(server)]
    idle = [server for server in left if not _is_being_terminated(work, server)]
    hopeless = [server for server in idle if server.cleanup_tries >= _TRIES]
    _terminate(work, [server for server in idle if server.cleanup_tries < _TRIES])
    if any(is_launch_open(operation) for operation in work.snapshot.operations):
        # It may leave another instance: how it ends is seen by polling, and this is the net below it.
        work.wake_in(work.settings.poll_ceiling_seconds)
    elif not left:
        work.act(FinishCleanup(CleanupStatus.SUCCEEDED, "Every drill instance is gone."))
    elif len(hopeless) == len(left):
        why = f"{len(left)} drill instances are still there: {', '.join(s.recovery_instance_id for s in left[:10])}."
        work.act(FinishCleanup(CleanupStatus.FAILED, why))


def has_drill_instance(server: ServerView) -> bool:
    """True while an instance that this execution launched for the server is not known to be gone."""
    return bool(server.recovery_instance_id) and server.status in _MAY_HAVE_INSTANCE


def is_launch_open(operation: OperationView) -> bool:
    """True while DRS may still launch something that this execution asked for."""
    return operation.kind is OperationKind.LAUNCH and operation.state in OPERATION_OPEN


def _follow_terminations(work: Working) -> None:
    for operation in work.snapshot.operations:
        if operation.kind is not OperationKind.TERMINATE or operation.state not in OPERATION_OPEN:
            continue
        if operation.state is OperationState.INTENDED:
            look_for_job(work, operation)
            continue
        job = work.jobs.get((operation.site, operation.job_id))
        if job is not None and job.finished:
            work.act(VerifyTerminated(operation.key))
        else:
            work.wake_in(work.settings.poll_ceiling_seconds)


def _is_being_terminated(work: Working, server: ServerView) -> bool:
    operation = work.operations.get(server.cleanup_operation or "")
    return operation is not None and operation.state in OPERATION_OPEN


def _terminate(work: Working, idle: list[ServerView]) -> None:
    by_site: dict[int, list[ServerView]] = {}
    for server in idle:
        if server.cleanup_not_before is not None and server.cleanup_not_before > work.now:
            work.wake(server.cleanup_not_before)
        else:
            # One batch may hold servers of any wave: nothing waits for it.
            by_site.setdefault(server.site, []).append(replace(server, wave=0))
    for site_id, servers in by_site.items():
        site = work.snapshot.sites[site_id]
        jobs = pack(servers, budget_of(site, work.snapshot.kind))
        for number, job in enumerate(jobs):
            work.act(Terminate(site_id, tuple(server.id for server in job), site.budget_version + number))
        if sum(map(len, jobs)) < len(servers):
            work.wake_in(work.settings.poll_ceiling_seconds)
