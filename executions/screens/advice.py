"""What to do next, in a sentence or two, for someone who has not slept: what no button on the page does
(`monitor.needs` has those)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from executions.core.states import EXECUTION_ACTIVE, CleanupStatus, ExecutionKind, ExecutionStatus, ServerStatus
from executions.models import Execution, ServerRun
from foundation.wording import clock, count, listing


def next_steps(
    execution: Execution, servers: Sequence[ServerRun], *, open_launches: int = 0, replaced: int = 0
) -> tuple[str, ...]:
    """Sentences; empty while there is nothing to do but wait. `open_launches`: launch jobs still running in DRS;
    `replaced`: servers whose instance a later launch has deleted."""
    status = ExecutionStatus(execution.status)
    if status in _BY_STATUS:
        return (_BY_STATUS[status],)
    if status in EXECUTION_ACTIVE:
        return ()
    late = (_launches_late(execution, open_launches),) if open_launches else ()
    return (*late, *_afterwards(execution, servers, replaced))


_BY_STATUS = {
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


def _afterwards(execution: Execution, servers: Sequence[ServerRun], replaced: int) -> Iterator[str]:
    up = sum(1 for server in servers if server.status == ServerStatus.LAUNCHED)
    if execution.status == ExecutionStatus.CANCELLED and not any(server.may_have_instance for server in servers):
        yield "Nothing is running: no server was launched."
    if execution.acknowledged and up:
        yield _deleted(execution)
    if replaced:
        yield (
            f"{count(replaced, 'instance')} of this {execution.kind} {'was' if replaced == 1 else 'were'} deleted by "
            "later launches of the same servers."
        )
    if execution.kind == ExecutionKind.RECOVERY:
        yield from _after_recovery(execution, max(up - replaced, 0), len(servers))
    elif execution.cleanup_status == CleanupStatus.RUNNING:
        yield "The drill instances are being terminated."


def _deleted(execution: Execution) -> str:
    names = execution.replace_names
    return (
        f"It was allowed to delete {count(len(names), 'live recovery instance')}: {listing(names)}. Their servers run "
        "as what it launched; what was written on the earlier ones since their launch is gone."
    )


def _after_recovery(execution: Execution, up: int, total: int) -> Iterator[str]:
    if execution.recovery_over_at:
        yield (
            f"{execution.recovery_over_by_name} declared this recovery over at {clock(execution.recovery_over_at)} "
            f"UTC: {execution.recovery_over_comment}"
        )
        return
    if not up:
        return
    running = f"{count(up, 'recovery instance')} {'is' if up == 1 else 'are'} running"
    left = total - up
    missing = f", {left} of {count(total, 'server')} {'is' if left == 1 else 'are'} not" if left else ""
    keep = "A drill or another recovery of these servers would delete these instances."
    if execution.status == ExecutionStatus.CANCELLED:
        yield (
            f"{running}{missing}: the recovery was cancelled halfway. Do not switch traffic over to a part of the "
            "application. If it is still needed, start a new recovery of all of it, which replaces these instances. If "
            "production still runs, declare this recovery over and terminate these instances in the DRS console."
        )
    elif execution.status == ExecutionStatus.FAILED:
        yield (
            f"{running}{missing}: the recovery failed before it was complete. Switch traffic over only if the "
            f"application can do without what is missing. {keep}"
        )
    else:
        yield (
            f"{running}{missing}. DRS does not redirect traffic: check the application, then switch DNS and load "
            f"balancers over. {keep} When production is back, declare the recovery over."
        )
