"""Clean-up: terminating the instances that a drill launched, in batches, each verified, failures tried again."""

from __future__ import annotations

from dataclasses import replace

from executions.core.actions import BeginCleanup, FinishCleanup, Terminate
from executions.core.draft import Draft
from executions.core.facts import LateFacts, ServerFacts
from executions.core.operations import launch
from executions.core.packing import budget_of, pack
from executions.core.states import (
    OPERATION_OPEN,
    SERVER_MAY_HAVE_INSTANCE,
    CleanupStatus,
    LateStatus,
    OperationKind,
    ServerStatus,
)
from foundation.wording import count

#: A termination that fails is tried so often by itself; after that a person looks at it. What passes by itself, such as
#: throttling or an account without room for another job, is waited for and does not count.
_TRIES = 3


def clean_up(draft: Draft) -> None:
    """Move the clean-up of an execution that is over."""
    late = [one for one in draft.facts.late if one.status is LateStatus.LAUNCHED]
    if draft.facts.cleanup_status is CleanupStatus.SCHEDULED:
        due_at = draft.facts.cleanup_due_at
        if due_at is not None and draft.now < due_at:
            draft.wake(due_at)
        else:
            draft.act(BeginCleanup(CleanupStatus.SCHEDULED, "The scheduled time was reached."))
        return
    if draft.facts.cleanup_status is CleanupStatus.SUCCEEDED and late:
        # Only a drill is cleaned up, so this cannot end what a recovery has launched.
        ids = ", ".join(one.recovery_instance_id for one in late[:10])
        draft.act(BeginCleanup(CleanupStatus.SUCCEEDED, f"A launch that was given up has left {ids}."))
        return
    if draft.facts.cleanup_status is not CleanupStatus.RUNNING:
        return
    own = [server for server in draft.servers.values() if has_drill_instance(server)]
    given_up = _terminate(draft, own, OperationKind.TERMINATE)
    if len(given_up) == len(own):
        # DRS takes one job a server: what late jobs have left comes after the servers' own instances.
        given_up += _terminate(draft, [_as_server(one) for one in late], OperationKind.TERMINATE_LATE)
    left: list[ServerFacts | LateFacts] = [*own, *late]
    if any(launch.is_open(operation) for operation in draft.facts.operations):
        # It may leave another instance: how it ends is seen by polling, and this is the net below it.
        draft.wake_in(draft.settings.poll_ceiling_seconds)
    elif not left:
        draft.act(FinishCleanup(CleanupStatus.SUCCEEDED, "All drill instances are terminated."))
    elif len(given_up) == len(left):
        ids = ", ".join(one.recovery_instance_id for one in left[:10])
        why = f"{count(len(left), 'drill instance')} could not be terminated: {ids}."
        draft.act(FinishCleanup(CleanupStatus.FAILED, why))


def has_drill_instance(server: ServerFacts) -> bool:
    """True while an instance that this execution launched for the server is not known to be gone."""
    return bool(server.recovery_instance_id) and server.status in SERVER_MAY_HAVE_INSTANCE


def _is_being_terminated(draft: Draft, server: ServerFacts) -> bool:
    operation = draft.operations.get(server.cleanup_operation or "")
    return operation is not None and operation.state in OPERATION_OPEN


def _as_server(late: LateFacts) -> ServerFacts:
    return ServerFacts(
        id=late.id,
        wave=0,
        site=late.site,
        source_server_id=late.source_server_id,
        status=ServerStatus.LAUNCHED,
        cleanup_operation=late.cleanup_operation,
        cleanup_tries=late.cleanup_tries,
        cleanup_not_before=late.cleanup_not_before,
    )


def _terminate(draft: Draft, left: list[ServerFacts], kind: OperationKind) -> list[ServerFacts]:
    """Ask for those that are not being terminated; returns those that were tried too often."""
    idle = [server for server in left if not _is_being_terminated(draft, server)]
    by_site: dict[int, list[ServerFacts]] = {}
    for server in idle:
        if server.cleanup_tries >= _TRIES:
            continue
        if server.cleanup_not_before is not None and server.cleanup_not_before > draft.now:
            draft.wake(server.cleanup_not_before)
        else:
            # One batch may hold servers of any wave: nothing waits for it.
            by_site.setdefault(server.site, []).append(replace(server, wave=0))
    for site_id, servers in by_site.items():
        site = draft.facts.sites[site_id]
        jobs = pack(servers, budget_of(site, draft.facts.kind))
        for number, job in enumerate(jobs):
            draft.act(Terminate(site_id, tuple(server.id for server in job), site.budget_version + number, kind))
        if sum(map(len, jobs)) < len(servers):
            draft.wake_in(draft.settings.poll_ceiling_seconds)
    return [server for server in idle if server.cleanup_tries >= _TRIES]
