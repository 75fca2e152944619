"""What can be made to go wrong, by name.

A fault strikes calls, answers, jobs or single servers of a job. It can be narrowed to operations, to servers (by id or
tags), to an account or Region, to a number of strikes, and to a rate between 0 and 1. Chance is seeded.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from drs.simulator.errors import ScenarioError
from drs.simulator.operations import model
from drs.simulator.state import Server

_LAUNCHES = ("StartRecovery", "TerminateRecoveryInstances")
_RUNS = ("StartAutomationExecution", "SendCommand", "Invoke")
#: Services whose operations a fault may name.
_SERVICES = ("drs", "sts", "service-quotas", "ssm", "lambda")


@dataclass(frozen=True, slots=True)
class Kind:
    """What a fault does, the operations it strikes unless told otherwise (none: all), its options' defaults."""

    says: str
    operations: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


_NO_DISK = "UnauthorizedOperation: You are not authorized to perform this operation. (ec2:DetachVolume)"
KINDS: Mapping[str, Kind] = {
    "throttle": Kind("Answers 429; nothing is done.", options={"retry_after_seconds": 1}),
    "access_denied": Kind("Answers 403 AccessDeniedException; nothing is done."),
    "error_5xx": Kind("Does nothing and answers a server error.", options={"status": 500}),
    "error_5xx_after": Kind("Does the work, then answers a server error.", _LAUNCHES, {"status": 500}),
    "lost_answer": Kind("Does the work, then drops the connection.", _LAUNCHES),
    "lost_request": Kind("Drops the connection and does nothing.", _LAUNCHES),
    "hang": Kind("Does nothing, says nothing for some seconds, then drops the connection.", _LAUNCHES, {
        "seconds": 60.0}),
    "late_answer": Kind("Does the work, answers some seconds later.", _LAUNCHES, {"seconds": 5.0}),
    "late_work": Kind("Holds the call for some seconds and does its work then, even if its caller has gone.", (
        *_LAUNCHES, *_RUNS), {"seconds": 105.0}),
    "expired_credentials": Kind("Refuses a caller's keys, or everybody's, as expired or unknown.", (), {
        "access_key": "", "code": "ExpiredTokenException"}),
    "drip": Kind("Does the work, answers a byte at a time for some seconds, then drops the connection.", (), {
        "seconds": 600.0}),
    "unknown_enum": Kind("Answers a value that no model lists.", options={
        "member": "dataReplicationState", "value": "HIBERNATING", "instead_of": None}),
    "odd_text": Kind("Answers, in names, tags and errors, text that no database holds.", options={
        "text": "\0\ud800\u202eodd\ufffe", "members": ["hostname", "fqdn", "fullString", "rawError", "tags"]}),
    "late_visibility": Kind("A new job stays out of DescribeJobs for some seconds.", ("StartRecovery",), {
        "seconds": 5.0}),
    "late_instance": Kind("A new recovery instance stays out of DescribeRecoveryInstances for some seconds.", (), {
        "seconds": 5.0}),
    "stuck_job": Kind("A server's launch never ends, nor does its job.", _LAUNCHES, {"phase": "conversion"}),
    "failed_snapshot": Kind("No snapshot; the previous one is used if it is usable.", ("StartRecovery",), {
        "previous_usable": False, "raw_error": "Snapshot creation failed: SnapshotCreationPerVolumeRateExceeded"}),
    "failed_conversion": Kind("Conversion fails.", ("StartRecovery",), {
        "raw_error": "Conversion server failed to boot within the allotted time"}),
    "failed_launch": Kind("The launch fails.", ("StartRecovery",), {
        "raw_error": "InsufficientInstanceCapacity: no capacity for the requested instance type"}),
    "failed_cleanup": Kind("The earlier instance cannot be removed.", _LAUNCHES, {"raw_error": _NO_DISK}),
    "pending_in_completed": Kind("The job ends COMPLETED with the server still PENDING.", ("StartRecovery",), {
        "launched": False}),
    "missing": Kind("The document or function that is to run does not exist.", _RUNS),
    "unmanaged_instance": Kind("Systems Manager does not know the instance.", ("SendCommand",)),
    "failed_run": Kind("The runbook, the command on a server's instance, or the function fails.", _RUNS, {
        "message": "exit status 1"}),
    "stuck_run": Kind("The runbook, or the command on a server's instance, never ends.", _RUNS[:2]),
}  # fmt: skip
#: Faults that decide how one server of a new job fares.
SERVER_FAULTS = (
    "stuck_job", "failed_snapshot", "failed_conversion", "failed_launch", "failed_cleanup", "pending_in_completed",
)  # fmt: skip


@dataclass(slots=True)
class Fault:
    id: int
    name: str
    operations: tuple[str, ...]
    server_ids: frozenset[str]
    tags: Mapping[str, str]
    account: str
    region: str
    rate: float
    #: Strikes left; None is without end.
    count: int | None
    options: Mapping[str, Any]
    struck: int = 0

    def covers(self, operation: str, account: str, region: str, servers: Collection[Server]) -> bool:
        # Without operations a fault means DRS's own; the other services are struck only by name.
        if operation not in (self.operations or model.service("drs").operation_names):
            return False
        if (self.account and self.account != account) or (self.region and self.region != region):
            return False
        return not (self.server_ids or self.tags) or any(self._names(server) for server in servers)

    def _names(self, server: Server) -> bool:
        if self.server_ids and server.id not in self.server_ids:
            return False
        return all(server.tags.get(key) == value for key, value in self.tags.items())

    def described(self) -> dict[str, Any]:
        return {
            "id": self.id, "name": self.name, "operation": list(self.operations), "server_ids": sorted(self.server_ids),
            "tags": dict(self.tags), "account": self.account, "region": self.region, "rate": self.rate,
            "count": self.count, "struck": self.struck, **self.options,
        }  # fmt: skip


class Faults:
    """The faults in force."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(f"faults/{seed}")
        self._faults: dict[int, Fault] = {}
        self._next_id = 1

    def add(self, name: str, **details: Any) -> Fault:
        """Put a fault in force. Raises `ScenarioError` with a sentence for an unknown name or member."""
        kind = KINDS.get(name)
        if kind is None:
            raise ScenarioError(f"There is no fault {name!r}; there are {', '.join(sorted(KINDS))}.")
        given = dict(details)
        fault = Fault(
            id=self._next_id,
            name=name,
            operations=_operations(given.pop("operation", None)) or kind.operations,
            server_ids=frozenset(_texts(given.pop("server_ids", ()), "server_ids")),
            tags=_tags(given.pop("tags", {})),
            account=str(given.pop("account", "")),
            region=str(given.pop("region", "")),
            rate=_number(given.pop("rate", 1.0), "rate", 0.0, 1.0),
            count=_count(given.pop("count", None)),
            options={option: given.pop(option, default) for option, default in kind.options.items()},
        )
        if given:
            raise ScenarioError(f"The fault {name} does not know {', '.join(sorted(given))}.")
        for option in ("seconds", "retry_after_seconds", "status"):
            if option in fault.options:
                _number(fault.options[option], option, 0, 3600)
        self._faults[fault.id] = fault
        self._next_id += 1
        return fault

    def remove(self, fault_id: int | None = None) -> int:
        """End one fault, or all; returns how many ended. What a job has already caught stays with it."""
        ended = [fault_id] if fault_id in self._faults else [] if fault_id is not None else list(self._faults)
        for identity in ended:
            del self._faults[identity]
        return len(ended)

    def strike(
        self, name: str, operation: str, account: str, region: str, servers: Collection[Server] = ()
    ) -> Fault | None:
        """The fault of that name which strikes now, if any; it counts as a strike."""
        for fault in self._faults.values():
            if fault.name != name or fault.count == 0 or not fault.covers(operation, account, region, servers):
                continue
            if fault.rate < 1.0 and self._rng.random() >= fault.rate:
                continue
            fault.struck += 1
            if fault.count is not None:
                fault.count -= 1
            return fault
        return None

    def strike_key(self, name: str, access_key: str) -> Fault | None:
        """The same for a fault of callers, which is told from whom by their key, not from what they ask."""
        for fault in self._faults.values():
            if fault.name == name and fault.count != 0 and fault.options["access_key"] in ("", access_key):
                fault.struck += 1
                fault.count = None if fault.count is None else fault.count - 1
                return fault
        return None

    def described(self) -> list[dict[str, Any]]:
        return [fault.described() for fault in self._faults.values()]


def _operations(value: object) -> tuple[str, ...]:
    names = (value,) if isinstance(value, str) else tuple(_texts(value or (), "operation"))
    known = {name for service in _SERVICES for name in model.service(service).operation_names}
    for name in names:
        if name not in known:
            raise ScenarioError(f"There is no operation {name!r}.")
    return names


def _texts(value: object, what: str) -> list[str]:
    if not isinstance(value, list | tuple | set | frozenset) or not all(isinstance(entry, str) for entry in value):
        raise ScenarioError(f"{what} must be a list of strings.")
    return list(value)


def _tags(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping) or not all(isinstance(entry, str) for pair in value.items() for entry in pair):
        raise ScenarioError("tags must be an object of strings.")
    return dict(value)


def _count(value: object) -> int | None:
    return None if value is None else int(_number(value, "count", 1, 1_000_000))


def _number(value: object, what: str, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise ScenarioError(f"{what} must be a number from {least:g} to {most:g}.")
    return float(value)
