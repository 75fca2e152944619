"""What of an execution is sealed in the audit trail, and held against it (`audit.holding`).

Every column of an execution's rows is in one of the lists below, or in `NOT_SEALED`; a test holds them complete.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.db.models import Model

from audit.canonical import plain
from audit.event_types import EventType
from audit.holding import Difference, Document, Followed, Told, differences
from executions.core.states import EXECUTION_ACTIVE, CleanupStatus, ExecutionStatus, ServerStatus
from executions.decisions import Basis, StepDecision
from executions.models import Approval, DrsJob, Execution, LateInstance, Operation, ServerRun, StepRun, WaveRun
from executions.samples import KeptForecast, LaunchSample, StepSample
from plans.core.purpose import NAMES

#: Sealed when it is requested; it never changes.
FROZEN: Final = "frozen"
#: How many have to approve it, who approved or rejected it, acknowledged what it replaces, reviewed break-glass, or
#: declared the recovery over. Sealed whenever someone does.
DECISIONS: Final = "decisions"
#: How it ended. Sealed when it ends, when it ends after it was reopened, when its clean-up ends, and when something
#: becomes known of it later.
RESULT: Final = "result"

#: Part -> kind of row -> columns.
COLUMNS: Final[Mapping[str, Mapping[type[Model], Sequence[str]]]] = {
    FROZEN: {
        Execution: (
            "plan_id", "plan_name", "plan_revision", "kind", "reason", "requested_by_id", "requested_by_name",
            "approvals_expected", "break_glass", "approval_expires_at", "point_in_time", "requested_at",
            "rto_target_seconds", "rpo_target_seconds", "cleanup_after_seconds", *NAMES,
        ),
        WaveRun: (
            "position", "name", "depends_on", "minimum_success_percent", "on_failure", "start_delay_seconds",
            "launch_timeout_seconds",
        ),
        StepRun: (
            "name", "description", "link", "wave_id", "position", "when", "kind", "timeout_seconds", "on_failure",
            "parameters",
        ),
        ServerRun: ("hostname", "source_server_id", "wave_id", "site_id", "position", "os", "protection_group_name"),
    },
    DECISIONS: {
        Execution: (
            "acknowledged", "approvals_required", "reviewed_by_id", "reviewed_by_name", "reviewed_at",
            "review_comment", "recovery_over_at", "recovery_over_by_name", "recovery_over_comment",
        ),
        Approval: ("user_name", "user_id", "approved", "comment", "at"),
    },
    RESULT: {
        Execution: (
            "status", "started_at", "finished_at", "reopened_at", "rto_actual_seconds", "rpo_actual_seconds", "outcome",
            "cleanup_status",
        ),
        WaveRun: ("name", "status", "ready_at", "started_at", "finished_at"),
        StepRun: ("name", "status", "attempts", "external_id", "started_at", "finished_at", "output", "error"),
        StepDecision: ("step_id", "user_name", "user_id", "approved", "at"),
        ServerRun: (
            "hostname", "source_server_id", "status", "attempts", "job_id", "recovery_instance_id",
            "recovery_snapshot_id", "recovery_point_at", "private_ips", "phase_times", "started_at", "finished_at",
            "error", "cleanup_error",
        ),
    },
}  # fmt: skip
#: Columns that say nothing of what was asked for, decided or achieved.
NOT_SEALED: Final[Mapping[type[Model], Collection[str]]] = {
    # The ends of its chain are signed; the rest is the engine's, about what it does next.
    Execution: (
        "id", "event_count", "last_event_hash", "head_mac", "due_at", "lease_token", "lease_until", "nudges",
        "raised_times", "raised_since", "raised_error", "cleanup_due_at", "cause", "shown_version",
    ),
    WaveRun: ("id", "execution_id"),
    StepRun: (
        "id", "execution_id", "due_at", "lease_token", "lease_until", "nudges", "raised_times", "raised_since",
        "raised_error", "attempt_key", "asked", "unanswered_since", "may_act_until",
    ),
    ServerRun: (
        "id", "execution_id", "operation_id", "cleanup_operation_id", "cleanup_tries", "cleanup_not_before",
        "queued_at", "refused_at", "single_server_job", "not_before", "phase",
    ),
    Approval: ("id", "execution_id"),
    StepDecision: ("id", "execution_id"),
}  # fmt: skip

#: Rows of an execution that are not sealed.
NOT_SEALED_ROWS: Final[Mapping[type[Model], str]] = {
    Basis: "it is held to the event of the press: its document to the SHA-256, and who pressed what; not to the second",
    Operation: "a call to DRS, and the engine's: its job is sealed with its servers, and its life is in events",
    LateInstance: "what became of each is in events",
    LaunchSample: "what a launch took, to forecast the next by: its times are sealed with its server",
    StepSample: "what a step took, to forecast the next by: its times are sealed with the step",
    KeptForecast: "what was expected, not what was done",
    DrsJob: "a mirror of DRS, also of jobs that are not drsorch's: what came of ours is sealed with the servers",
}

#: What people call each kind of row.
_KINDS: Final[Mapping[type[Model], str]] = {
    Execution: "execution",
    WaveRun: "wave",
    StepRun: "step",
    ServerRun: "server",
    Approval: "approval",
    StepDecision: "decision of a step",
}
#: Null once the user was deleted.
_USERS: Final = ("requested_by_id", "reviewed_by_id", "user_id")


def documents(part: str, execution_ids: Collection[Any]) -> Mapping[str, Document]:
    """What the rows of these executions say now, by the execution's id."""
    found: dict[str, dict[str, dict[str, Any]]] = {str(id): {} for id in execution_ids}
    for model, columns in COLUMNS[part].items():
        own = "pk" if model is Execution else "execution_id"
        rows = model._default_manager.filter(**{f"{own}__in": list(execution_ids)}).order_by()
        kind = _KINDS[model]
        for owner, key, *values in rows.values_list(own, "pk", *columns).iterator(2000):
            of_kind = found[str(owner)].setdefault(kind, {})
            of_kind[str(key)] = {name: plain(value) for name, value in zip(columns, values, strict=True)}
    return found


def sealed(execution: Execution, *parts: str) -> Mapping[str, Document]:
    """For `Entry.documents`: what the event is to seal, read after everything was written."""
    return {part: documents(part, [execution.pk])[str(execution.pk)] for part in parts}


def sealed_if_over(execution: Execution) -> Mapping[str, Document]:
    """For an event of what becomes known when the execution is over: its result as it is now."""
    return {} if execution.status in EXECUTION_ACTIVE else sealed(execution, RESULT)


# --- holding ------------------------------------------------------------------------------------------------------

_STATUS_AFTER: Final[Mapping[str, ExecutionStatus]] = {
    EventType.EXECUTION_REQUESTED: ExecutionStatus.AWAITING_APPROVAL,
    EventType.EXECUTION_STARTED: ExecutionStatus.RUNNING,
    EventType.EXECUTION_PAUSED: ExecutionStatus.PAUSED,
    EventType.EXECUTION_RESUMED: ExecutionStatus.RUNNING,
    EventType.EXECUTION_CANCELLING: ExecutionStatus.CANCELLING,
    EventType.EXECUTION_CANCELLED: ExecutionStatus.CANCELLED,
    EventType.EXECUTION_REJECTED: ExecutionStatus.REJECTED,
    EventType.EXECUTION_SUCCEEDED: ExecutionStatus.SUCCEEDED,
    EventType.EXECUTION_PARTIALLY_SUCCEEDED: ExecutionStatus.PARTIALLY_SUCCEEDED,
    EventType.EXECUTION_FAILED: ExecutionStatus.FAILED,
}
#: What reopening takes back.
_NOT_OVER: Final = {"recovery_over_at": None, "recovery_over_by_name": "", "recovery_over_comment": ""}
_ACHIEVED: Final = ("outcome", "rto_actual_seconds", "rpo_actual_seconds")
_REOPENS: Final = (EventType.EXECUTION_RETRIED, EventType.EXECUTION_SKIPPED)


#: What an event of each type tells that somebody pressed.
_PRESSES: Final[Mapping[str, str]] = {
    EventType.EXECUTION_REQUESTED: "request",
    EventType.EXECUTION_APPROVED: "approve",
    EventType.EXECUTION_RESUMED: "resume",
    EventType.EXECUTION_RETRIED: "retry",
}


@dataclass(slots=True)
class _State:
    """What an execution's events say so far."""

    #: The status that the last event about it says.
    says: str = ""
    #: When it was last reopened: a result that was sealed before is not that of now.
    reopened: int = 0
    reopenings: list[int] = field(default_factory=list)
    #: Since the result was sealed: whether its clean-up runs, and the instances that it terminated.
    cleaning: bool = False
    terminated: set[str] = field(default_factory=set)
    #: What the event of its end says was achieved; empty while it runs.
    achieved: dict[str, Any] = field(default_factory=dict)
    #: What was shown to those who pressed: SHA-256, what they pressed, and who they were.
    shown: Counter[tuple[str, str, str]] = field(default_factory=Counter)


class ExecutionHolder:
    #: What an event seals again is what somebody may have written into the rows since the last one.
    compared: Collection[str] = (DECISIONS, RESULT)

    def begin(self) -> _State:
        return _State()

    def follow(self, state: _State, event: Told) -> None:
        if RESULT in event.detail.get("seals", {}):
            state.cleaning = False
            state.terminated.clear()
        if event.detail.get("basis"):
            state.shown[str(event.detail["basis"]), _PRESSES.get(event.type, event.type), event.actor] += 1
        if event.type in _STATUS_AFTER:
            state.says = _STATUS_AFTER[event.type]
            state.achieved = {name: event.detail[name] for name in _ACHIEVED if name in event.detail}
        elif event.type in _REOPENS and state.says not in EXECUTION_ACTIVE:
            state.says, state.reopened = ExecutionStatus.RUNNING, event.sequence
            state.reopenings.append(event.sequence)
            state.achieved = {}
        elif event.type == EventType.CLEANUP_RUNNING:
            state.cleaning = True
        elif event.type == EventType.SERVER_TERMINATED:
            state.terminated.add(str(event.detail.get("instance")))

    def faults(self, chains: Mapping[str, Followed]) -> Iterator[tuple[str, str]]:
        found: list[tuple[str, Difference]] = []
        for part in COLUMNS:
            held = {id: chain for id, chain in chains.items() if part in chain.sealed and _in_force(part, chain)}
            rows = documents(part, list(held)) if held else {}
            for execution_id, chain in held.items():
                if now := rows[execution_id]:
                    expected = _expected(part, chain)
                    found += [(execution_id, difference) for difference in differences(expected, now)]
        users = _users([one.sealed for _, one in found if one.field in _USERS])
        told = [
            (execution_id, one.sentence("execution"))
            for execution_id, one in found
            if one.field not in _USERS or one.now is not None or one.sealed in users
        ]
        # A row that is missing is missing in each part.
        yield from dict.fromkeys(told)
        yield from _statuses(chains)
        resealed = list(_resealed(chains))
        yield from ((execution_id, sentence) for execution_id, _, sentence in resealed)
        known = {(execution_id, one.field) for execution_id, one in found}
        yield from _achieved(chains, known | {(execution_id, field) for execution_id, field, _ in resealed})
        yield from _shown(chains)

    def existing(self) -> Iterable[tuple[object, str]]:
        return ()


def _in_force(part: str, chain: Followed) -> bool:
    return part != RESULT or chain.sealed[part][0] > chain.state.reopened


def _expected(part: str, chain: Followed) -> Document:
    """What was sealed, and what a retry, or a clean-up that has begun since then, changed: each has its event."""
    (sequence, document), state = chain.sealed[part], chain.state
    if part == DECISIONS and state.reopened > sequence:
        # What it launches from then on runs in recovery again.
        return {**document, "execution": {key: {**row, **_NOT_OVER} for key, row in document["execution"].items()}}
    if part != RESULT or not state.cleaning:
        return document
    execution = {
        key: {**fields, "cleanup_status": CleanupStatus.RUNNING} for key, fields in document["execution"].items()
    }
    servers = {}
    for key, fields in document.get("server", {}).items():
        # Why an instance could not be terminated comes and goes while it runs.
        servers[key] = {name: value for name, value in fields.items() if name != "cleanup_error"}
        if fields["recovery_instance_id"] in state.terminated:
            servers[key]["status"] = ServerStatus.TERMINATED
    return {**document, "execution": execution, "server": servers}


def _statuses(chains: Mapping[str, Followed]) -> Iterator[tuple[str, str]]:
    """The status of those whose result is not sealed, against the last event that says one."""
    open_ones = {
        id: chain for id, chain in chains.items() if RESULT not in chain.sealed or not _in_force(RESULT, chain)
    }
    rows = Execution.objects.filter(pk__in=list(open_ones)).values_list("pk", "status")
    for pk, status in rows:
        told = open_ones[str(pk)].state.says
        if told and status != told:
            yield str(pk), f"status is {status}, and the last event about it says {told}."


def _achieved(chains: Mapping[str, Followed], told: Collection[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """What was achieved against the event of the end: a clean-up seals the result once more, as the rows are by then.

    `told`: fields of executions that are known to be wrong already.
    """
    ended = {id: chain.state.achieved for id, chain in chains.items() if chain.state.achieved}
    for pk, *values in Execution.objects.filter(pk__in=list(ended)).values_list("pk", *_ACHIEVED):
        for name, now in zip(_ACHIEVED, values, strict=True):
            then = ended[str(pk)].get(name, now)
            if then != now and (str(pk), name) not in told:
                yield str(pk), f"{name} is {now}, and the event of its end says {then}."


def _resealed(chains: Mapping[str, Followed]) -> Iterator[tuple[str, str, str]]:
    """(execution, field, sentence): what changed from one seal to the next, by nothing that happened in between."""
    for execution_id, chain in chains.items():
        for again in chain.resealed:
            reopened = any(again.before < at < again.sequence for at in chain.state.reopenings)
            for one in again.differences:
                if not _may_change(again.part, one, reopened=reopened):
                    sentence = f"{one.sentence('execution')} So it has been since event {again.sequence}."
                    yield execution_id, one.field, sentence


#: Of a result that is known, these change without a retry: by a clean-up, and as something becomes known of it.
_CHANGES: Final = frozenset({"cleanup_status", "cleanup_error"})
_BLANK: Final[tuple[object, ...]] = (None, "", [], {})


def _may_change(part: str, one: Difference, *, reopened: bool) -> bool:
    if part == RESULT:
        return (
            reopened
            or one.field in _CHANGES
            or (one.field != "" and one.sealed in _BLANK)
            or (one.field == "status" and (one.now == ServerStatus.TERMINATED or one.sealed == ServerStatus.PENDING))
        )
    match one.field:
        case "":
            return one.sealed is None  # somebody approved, or rejected
        case "approvals_required":
            return bool(one.now > one.sealed)
        case "acknowledged":
            return bool(one.now[: len(one.sealed)] == one.sealed)
    return one.sealed in _BLANK or (one.now in _BLANK and (reopened or one.field in _USERS))


def _shown(chains: Mapping[str, Followed]) -> Iterator[tuple[str, str]]:
    """What was shown to those who pressed, against the events of their presses: each has one row."""
    kept: dict[str, Counter[tuple[str, str, str]]] = defaultdict(Counter)
    rows = Basis.objects.filter(execution__in=list(chains)).order_by()
    columns = rows.values_list("execution_id", "sha256", "press", "user_name", "document")
    for pk, sha256, press, user_name, document in columns.iterator(100):
        kept[str(pk)][sha256, press, user_name] += 1
        is_told = any(told == sha256 for told, _, _ in chains[str(pk)].state.shown)
        if is_told and hashlib.sha256(str(document).encode()).hexdigest() != sha256:
            yield str(pk), f"What was shown, {sha256[:12]}…, was changed."
    for execution_id, chain in chains.items():
        told, there = chain.state.shown, kept[execution_id]
        more, missing = sorted((there - told).elements()), sorted((told - there).elements())
        for sha256, press, who in more:
            what = f"What was shown, {sha256[:12]}…,"
            meant = next((each for each in missing if each[0] == sha256), None)
            if meant is None:
                yield execution_id, f"{what} was added in the database: no event names it."
            else:
                missing.remove(meant)
                said = f"{meant[1]} by {meant[2]}"
                yield execution_id, f"{what} is of {press} by {who}, and the audit trail says {said}."
        for sha256 in dict.fromkeys(sha256 for sha256, _, _ in missing):
            yield execution_id, f"What was shown, {sha256[:12]}…, was deleted."


def _users(ids: Collection[Any]) -> set[Any]:
    """Those of the users that exist."""
    return set(get_user_model()._default_manager.filter(pk__in=[*ids]).values_list("pk", flat=True)) if ids else set()
