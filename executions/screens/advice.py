"""What to do next, for someone who has not slept: the most urgent first, each in a sentence or two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from executions.core.states import CleanupStatus, ExecutionKind, ExecutionStatus, ServerStatus, StepStatus
from executions.models import Approval, Execution, ServerRun, StepRun, WaveRun
from foundation.wording import clock, count
from plans.core.steps import OnFailure, StepKind


def next_steps(
    execution: Execution,
    waves: Sequence[WaveRun],
    servers: Sequence[ServerRun],
    steps: Sequence[StepRun],
    approvals: Sequence[Approval],
    *,
    reopenable: bool,
    open_launches: int = 0,
    replaced: int = 0,
) -> tuple[str, ...]:
    """Sentences; empty while there is nothing to do but wait. `reopenable`: a retry can continue it once it is over;
    `open_launches`: launch jobs still running in DRS; `replaced`: servers whose instance a later launch has deleted."""
    status = ExecutionStatus(execution.status)
    if status is ExecutionStatus.AWAITING_APPROVAL:
        return tuple(_to_approve(execution, approvals))
    if status is ExecutionStatus.RUNNING:
        return (*_steps_to_approve(execution, steps), *_while_running(waves, servers))
    if status is ExecutionStatus.PAUSED:
        return (*_steps_to_approve(execution, steps), _BY_STATUS[status])
    if status in _BY_STATUS:
        return (_BY_STATUS[status],)
    late = (_launches_late(execution, open_launches),) if open_launches else ()
    return (*late, *_afterwards(execution, servers, steps, replaced, reopenable=reopenable))


#: Where drsorch's own error keeps the engine from working on the execution, before all else.
HELD_UP = (
    "Give the reference to an administrator. Once the cause is fixed, select “Retry now”. If it cannot be fixed now, "
    "cancel the execution; if even that does not end it, select “End without drsorch”, and check in AWS what is in "
    "progress."
)
_BY_STATUS = {
    ExecutionStatus.PAUSED: "Nothing new is launched while the execution is paused, and the RTO clock keeps running. "
    "Resume or cancel it.",
    ExecutionStatus.CANCELLING: "Nothing new is launched. Launches that DRS has already accepted cannot be stopped: "
    "drsorch follows them until they finish, then closes the execution.",
    ExecutionStatus.REJECTED: "Nothing was launched. Ask the approver why. If it is still needed, start a new "
    "execution.",
}


def _launches_late(execution: Execution, number: int) -> str:
    one = number == 1
    waits = execution.cleanup_status == CleanupStatus.RUNNING
    return (
        f"{count(number, 'launch', 'launches')} {'was' if one else 'were'} still running in DRS when the execution "
        f"ended. Instances that {'it produces' if one else 'they produce'} will be shown with their servers."
        + (f" The clean-up is waiting for {'it' if one else 'them'}." if waits else "")
    )


def _steps_to_approve(execution: Execution, steps: Sequence[StepRun]) -> Iterator[str]:
    for step in steps:
        if step.kind == StepKind.APPROVAL and step.status == StepStatus.RUNNING:
            instructions = str(step.parameters.get("instructions", ""))
            yield (
                f"“{step.name}” is waiting for approval. Ask an approver other than "
                f"{execution.requested_by_name} to open this page and approve or reject it. {instructions}"
            ).strip()


def _to_approve(execution: Execution, approvals: Sequence[Approval]) -> Iterator[str]:
    given = sum(1 for approval in approvals if approval.approved)
    missing = max(0, execution.approvals_required - given)
    until = f" If it is not approved by {clock(execution.approval_expires_at)} UTC, it is rejected automatically."
    yield (
        f"Nothing launches until the execution has {count(missing, 'more approval' if given else 'approval')}. "
        f"Ask an approver other than {execution.requested_by_name} to open this page and approve or reject it."
        f"{until if execution.approval_expires_at else ''}"
    )


def _while_running(waves: Sequence[WaveRun], servers: Sequence[ServerRun]) -> Iterator[str]:
    by_wave = {wave.pk: wave for wave in waves}
    bad = [server for server in servers if server.status in (ServerStatus.FAILED, ServerStatus.UNKNOWN)]
    stopping = sorted(
        {by_wave[server.wave_id].name for server in bad if by_wave[server.wave_id].on_failure == OnFailure.STOP}
    )
    if bad:
        yield (
            f"{count(len(bad), 'server')} did not launch, for the reasons above. Fix the cause and retry the wave now; "
            "you do not have to wait for the execution to finish."
        )
    if stopping:
        yield (
            f"If {' or '.join(stopping)} ends below its minimum, the execution stops there. "
            "Servers that have launched keep running."
        )
    refused = [server for server in servers if server.status == ServerStatus.QUEUED and server.trouble]
    if refused:
        yield (
            f"AWS has not accepted the launch of {count(len(refused), 'server')} yet: {refused[0].trouble} "
            "drsorch retries automatically."
        )


def _afterwards(
    execution: Execution,
    servers: Sequence[ServerRun],
    steps: Sequence[StepRun],
    replaced: int,
    *,
    reopenable: bool,
) -> Iterator[str]:
    counts = {status: sum(1 for server in servers if server.status == status) for status in ServerStatus}
    bad, unknown, up = counts[ServerStatus.FAILED], counts[ServerStatus.UNKNOWN], counts[ServerStatus.LAUNCHED]
    drill = execution.kind == ExecutionKind.DRILL
    if unknown:
        yield (
            f"DRS did not report a result for {count(unknown, 'server')}. Look for instances in the EC2 console "
            "before you start anything again."
        )
    broken = sum(1 for step in steps if step.status == StepStatus.FAILED)
    if bad or broken:
        yield _failed(execution, bad, broken, reopenable=reopenable)
    if execution.has_fewer_approvals and execution.reviewed_at is None:
        yield (
            f"It needed {execution.approvals_required} of the {execution.approvals_expected} approvals that were "
            f"needed lately: someone other than {execution.requested_by_name} must review why and record the review."
        )
    if execution.break_glass and execution.reviewed_at is None:
        yield (
            f"Break-glass was used: someone other than {execution.requested_by_name} must review why "
            "and record the review."
        )
    if execution.status == ExecutionStatus.CANCELLED and not any(server.may_have_instance for server in servers):
        yield "Nothing is running: no server was launched."
    if replaced:
        yield (
            f"{count(replaced, 'instance')} of this {execution.kind} {'was' if replaced == 1 else 'were'} deleted by "
            "later launches of the same servers."
        )
    up = max(up - replaced, 0)
    if execution.recovery_over_at:
        yield (
            f"{execution.recovery_over_by_name} declared this recovery over at {clock(execution.recovery_over_at)} "
            f"UTC: {execution.recovery_over_comment}"
        )
    elif up and not drill:
        yield (
            f"{count(up, 'recovery instance')} {'is' if up == 1 else 'are'} running. DRS does not redirect traffic: "
            "check the application, then switch DNS and load balancers over. A drill or another recovery of these "
            "servers would delete these instances. When production is back, declare the recovery over."
        )
    if execution.cleanup_after_seconds is not None and execution.cleanup_status == CleanupStatus.NONE:
        # Any other end of a drill schedules it.
        if any(server.may_have_instance for server in servers):
            yield (
                "The drill was ended without drsorch, so its planned clean-up does not run and its instances keep "
                "running. Clean up the drill to have drsorch find and terminate them."
            )
    elif up and drill:
        yield from _after_drill(execution, up)


def _failed(execution: Execution, servers: int, steps: int, *, reopenable: bool) -> str:
    parts = [count(servers, "server")] if servers else []
    parts += [count(steps, "step")] if steps else []
    said = f"{' and '.join(parts)} failed, for the reasons above. Fix the cause"
    kind = execution.kind
    if not reopenable:
        return f"{said} before you start a new {kind}: this one is over."
    return f"{said}, then retry the wave below: the {kind} continues from there. Or skip what you can do without."


def _after_drill(execution: Execution, up: int) -> Iterator[str]:
    running = f"{count(up, 'drill instance')} {'is running and costs' if up == 1 else 'are running and cost'} money"
    if execution.cleanup_status == CleanupStatus.SCHEDULED:
        yield f"{running}. Check the application before the clean-up at {clock(execution.cleanup_due_at)} UTC."
    elif execution.cleanup_status == CleanupStatus.RUNNING:
        yield "The drill instances are being terminated."
    elif execution.cleanup_status == CleanupStatus.FAILED:
        yield f"The clean-up failed: {running}. The reasons are shown with the servers. Clean up again."
    else:
        yield f"{running}. Check the application, then clean up."
