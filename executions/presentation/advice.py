"""What to do next, for somebody who has not slept: the most urgent first, each in a sentence or two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from executions.core.states import CleanupStatus, ExecutionStatus, Kind, ServerStatus
from executions.models import Approval, Execution, ServerRun, WaveRun
from executions.presentation.words import clock, count, duration
from plans.models import OnFailure


def next_steps(
    execution: Execution, waves: Sequence[WaveRun], servers: Sequence[ServerRun], approvals: Sequence[Approval]
) -> tuple[str, ...]:
    """Sentences; empty while there is nothing to do but wait."""
    status = ExecutionStatus(execution.status)
    if status is ExecutionStatus.AWAITING_APPROVAL:
        return tuple(_to_approve(execution, approvals))
    if status is ExecutionStatus.PAUSED:
        return ("Nothing new is launched while it is paused. Resume it, or cancel it.",)
    if status is ExecutionStatus.CANCELLING:
        return (
            "Nothing new is launched. Launches that DRS has already accepted cannot be called back: "
            "drsorch follows them to their end, then closes the execution.",
        )
    if status is ExecutionStatus.REJECTED:
        return ("Nothing was launched. Talk to who rejected it; if it is still needed, start a new one.",)
    if status is ExecutionStatus.RUNNING:
        return tuple(_while_running(waves, servers))
    return tuple(_afterwards(execution, servers))


def _to_approve(execution: Execution, approvals: Sequence[Approval]) -> Iterator[str]:
    given = sum(1 for approval in approvals if approval.approved)
    missing = max(0, execution.approvals_required - given)
    yield (
        f"Nothing is launched before {count(missing, 'more approval') if given else count(missing, 'approval')}. "
        f"Ask an approver other than {execution.requested_by_name} to open this page and approve or reject."
    )


def _while_running(waves: Sequence[WaveRun], servers: Sequence[ServerRun]) -> Iterator[str]:
    by_wave = {wave.pk: wave for wave in waves}
    bad = [server for server in servers if server.status in (ServerStatus.FAILED, ServerStatus.UNKNOWN)]
    stopping = sorted(
        {by_wave[server.wave_id].name for server in bad if by_wave[server.wave_id].on_failure == OnFailure.STOP}
    )
    if bad:
        yield f"{count(len(bad), 'server')} did not launch. The reasons stand below; start mending the cause now."
    if stopping:
        yield (
            f"If {' or '.join(stopping)} ends below its minimum, the execution stops there. "
            "What is already launched stays as it is."
        )
    refused = [server for server in servers if server.status == ServerStatus.QUEUED and server.error]
    if refused:
        yield (
            f"AWS would not take the launch of {count(len(refused), 'server')} yet: {refused[0].error} "
            "drsorch tries again by itself."
        )


def _afterwards(execution: Execution, servers: Sequence[ServerRun]) -> Iterator[str]:
    counts = {status: sum(1 for server in servers if server.status == status) for status in ServerStatus}
    bad, unknown, up = counts[ServerStatus.FAILED], counts[ServerStatus.UNKNOWN], counts[ServerStatus.LAUNCHED]
    drill = execution.kind == Kind.DRILL
    if unknown:
        yield (
            f"DRS did not say how {count(unknown, 'server')} ended. Look for their instances in the EC2 console "
            "before you start anything again."
        )
    if bad:
        yield (
            f"{count(bad, 'server')} failed; the reasons stand below. Mend the cause, then start the "
            f"{execution.kind} again."
        )
    if execution.status == ExecutionStatus.CANCELLED and not up:
        yield "Nothing is left running: no server had been launched."
    if up and not drill:
        yield (
            f"{count(up, 'recovery instance')} run. DRS does not redirect traffic: check the application, then switch "
            "DNS and load balancers over. Start no drill of these servers: it would delete these instances."
        )
    if up and drill:
        yield from _after_drill(execution, up)


def _after_drill(execution: Execution, up: int) -> Iterator[str]:
    running = f"{count(up, 'drill instance')} {'runs' if up == 1 else 'run'} and {'costs' if up == 1 else 'cost'} money"
    if execution.cleanup_status == CleanupStatus.SCHEDULED:
        when = f"at {clock(execution.cleanup_due_at)} UTC" if execution.cleanup_due_at else "later"
        if execution.cleanup_due_at is None and execution.cleanup_after_seconds is not None:
            when = f"{duration(execution.cleanup_after_seconds)} after the end"
        yield f"{running}. Check them now: they are terminated {when}."
    elif execution.cleanup_status == CleanupStatus.RUNNING:
        yield "The drill instances are being terminated."
    elif execution.cleanup_status == CleanupStatus.FAILED:
        yield f"The clean-up failed: {running}. Terminate them in the DRS console."
    else:
        yield f"{running}. Check the application on them, then terminate them, in DRS or with the next drill."
