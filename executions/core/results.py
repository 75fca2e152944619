"""From what a DRS job says to what happened to a server. A job's status says nothing about its servers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from drs.port import FAILED, LAUNCHED, JobLogItem
from executions.core.actions import ServerOutcome
from executions.core.facts import JobFacts, ServerFacts, ServerProgress
from executions.core.states import Phase, ServerStatus

#: Job log event -> the phase it shows. Events that are not named here say nothing about a phase; the list of
#: events is open (docs/drs.md 1.3, 3.3).
_PHASES = {
    "CLEANUP_START": Phase.CLEANUP,
    "CLEANUP_END": Phase.CLEANUP,
    "SNAPSHOT_START": Phase.SNAPSHOT,
    "SNAPSHOT_END": Phase.SNAPSHOT,
    "USING_PREVIOUS_SNAPSHOT": Phase.SNAPSHOT,
    "CONVERSION_START": Phase.CONVERSION,
    "CONVERSION_END": Phase.CONVERSION,
    "LAUNCH_START": Phase.LAUNCH,
    "LAUNCH_END": Phase.POST_LAUNCH,
}
#: Events that say why a server failed, in case no `rawError` does.
_FAILURES = {
    "CLEANUP_FAIL": "the clean-up of its earlier instance failed",
    "SNAPSHOT_FAIL": "its snapshot failed",
    "USING_PREVIOUS_SNAPSHOT_FAILED": "no earlier snapshot could be used either",
    "CONVERSION_FAIL": "its conversion failed",
    "LAUNCH_FAILED": "its launch failed",
    "SERVER_SKIPPED": "DRS skipped it",
    "JOB_CANCEL": "the job was cancelled",
}


def progress_of(items: Iterable[JobLogItem]) -> dict[str, ServerProgress]:
    """Read a job's log, oldest first, into what it says of each server."""
    phases: dict[str, str] = {}
    errors: dict[str, str] = {}
    instances: dict[str, str] = {}
    ended: dict[str, datetime | None] = {}
    begun: dict[str, dict[str, datetime]] = defaultdict(dict)
    for item in items:
        server = item.source_server_id
        if server is None:
            continue
        phases.setdefault(server, "")
        if phase := _PHASES.get(item.event):
            phases[server] = phase
            if item.at is not None:
                begun[server].setdefault(phase, item.at)
        if item.raw_error:
            errors[server] = item.raw_error
        elif item.event in _FAILURES:
            errors.setdefault(server, _FAILURES[item.event])
        if item.target_instance_id:
            instances[server] = item.target_instance_id
        if item.event == "LAUNCH_END":
            ended[server] = item.at
    return {
        server: ServerProgress(
            phase=phase,
            error=errors.get(server, ""),
            instance_id=instances.get(server, ""),
            ended_at=ended.get(server),
            phase_times=begun.get(server, {}),
        )
        for server, phase in phases.items()
    }


def outcome_of(server: ServerFacts, job: JobFacts) -> ServerOutcome | None:
    """The server's result, or None while there is none.

    A failure counts as soon as its reason is known; a launch counts when its job is over, because post-launch work
    still runs before that.
    """
    said = job.servers.get(server.source_server_id, ServerProgress())
    if said.launch_status == FAILED and (said.error or (job.finished and job.examined)):
        reason = said.error or "DRS gives no reason in the job's log"
        return _outcome(server, ServerStatus.FAILED, said, f"DRS could not launch it: {reason} (job {job.job_id}).")
    if not (job.finished and job.examined):
        return None
    if said.launch_status == LAUNCHED:
        return _outcome(server, ServerStatus.LAUNCHED, said, "")
    found = (
        f"Instance {said.instance_id} exists; check it before you rely on it."
        if said.instance_id
        else "No instance launched by this job was found."
    )
    seen = said.launch_status or "nothing"
    return _outcome(
        server,
        ServerStatus.UNKNOWN,
        said,
        f"Job {job.job_id} finished but reports {seen} for this server, so it does not count as launched. {found}",
    )


def _outcome(server: ServerFacts, to: ServerStatus, said: ServerProgress, error: str) -> ServerOutcome:
    return ServerOutcome(
        server=server.id,
        to=to,
        error=error,
        instance_id=said.instance_id,
        ended_at=said.ended_at,
        recovery_point_at=said.recovery_point_at,
        private_ips=said.private_ips,
        phase_times=said.phase_times,
    )


def new_details(server: ServerFacts, job: JobFacts) -> ServerOutcome | None:
    """What the job tells of a launched server that is not noted yet, or None."""
    said = job.servers.get(server.source_server_id)
    if said is None:
        return None
    instance = said.instance_id if not server.recovery_instance_id else ""
    point = said.recovery_point_at if server.recovery_point_at is None else None
    if not instance and point is None:
        return None
    return ServerOutcome(
        server=server.id,
        to=server.status,
        instance_id=instance or server.recovery_instance_id,
        recovery_point_at=point or server.recovery_point_at,
        private_ips=said.private_ips,
    )
