"""`DrsPort` in terms of one function that makes one call: paging, chunks of ids, reading of the answers.

`drs.aws` makes the call with boto3, `drs.simulator.inprocess` makes it on a simulated world. Everything above the
single call is shared, so the two cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from drs import calls, failures, wire
from drs.errors import DrsError
from drs.port import (
    Endpoint,
    Job,
    JobLogItem,
    LaunchTarget,
    NativeExecution,
    RecoveryInstance,
    RecoverySnapshot,
    SourceServer,
)

Parsed = TypeVar("Parsed")

#: Most ids that DRS takes in one filter (its model: 200 for servers and instances, 1,000 for jobs).
IDS_PER_CALL = 200


class WireAdapter:
    """Base of the `DrsPort` implementations; `call` is theirs to give."""

    endpoint: Endpoint

    def call(self, operation: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Make one DRS call and return its answer. Raises a `DrsError` and nothing else."""
        raise NotImplementedError

    def source_servers(self, ids: Sequence[str] = ()) -> Iterator[SourceServer]:
        for filters in _filters("sourceServerIDs", ids):
            yield from self._items("DescribeSourceServers", {"filters": filters}, wire.source_server)

    def recovery_snapshots(
        self, source_server_id: str, *, not_after: datetime | None = None
    ) -> Iterator[RecoverySnapshot]:
        params: dict[str, Any] = {"sourceServerID": source_server_id, "order": "DESC"}
        if not_after is not None:
            params["filters"] = {"toDateTime": wire.to_wire(not_after)}
        found = self._items("DescribeRecoverySnapshots", params, wire.recovery_snapshot)
        # A few dozen at most. By which of its two times DRS filters and sorts is not documented (docs/drs.md 1.4), so
        # both are done here.
        wanted = (snapshot for snapshot in found if not_after is None or snapshot.taken_at <= not_after)
        yield from sorted(wanted, key=lambda snapshot: snapshot.taken_at, reverse=True)

    def recovery_instances(
        self, *, source_server_ids: Sequence[str] = (), recovery_instance_ids: Sequence[str] = ()
    ) -> Iterator[RecoveryInstance]:
        # Asked by one kind of id only: how DRS combines the two filters is not documented (docs/drs.md 1.4).
        if recovery_instance_ids:
            wanted_servers = set(source_server_ids)
            for filters in _filters("recoveryInstanceIDs", recovery_instance_ids):
                for found in self._items("DescribeRecoveryInstances", {"filters": filters}, wire.recovery_instance):
                    if not wanted_servers or found.source_server_id in wanted_servers:
                        yield found
            return
        for filters in _filters("sourceServerIDs", source_server_ids):
            yield from self._items("DescribeRecoveryInstances", {"filters": filters}, wire.recovery_instance)

    def job_pages(self, *, job_ids: Sequence[str] = ()) -> Iterator[tuple[Job, ...]]:
        for filters in _filters("jobIDs", job_ids):
            for page in self._pages("DescribeJobs", {"filters": filters}):
                yield tuple(self._read("DescribeJobs", wire.job, item) for item in page)

    def job_log(self, job_id: str) -> tuple[JobLogItem, ...]:
        pages = self._pages("DescribeJobLogItems", {"jobID": job_id})
        return wire.job_log(item for page in pages for item in page)

    def native_executions(self, *, in_progress_alone: bool = False) -> tuple[NativeExecution, ...]:
        # DRS filters by one status a call; without a filter it would list everything that ever ran.
        found = [
            self._read("ListRecoveryPlanExecutions", wire.native_execution, item)
            for status in ((wire.NATIVE_IN_PROGRESS,) if in_progress_alone else wire.NATIVE_NOT_OVER)
            for page in self._pages("ListRecoveryPlanExecutions", {"status": status}, "recoveryPlanExecutions")
            for item in page
        ]
        # One that moves on between two calls is listed twice.
        return tuple(self._with_steps(one) for one in {one.arn: one for one in found}.values())

    def _with_steps(self, execution: NativeExecution) -> NativeExecution:
        operation = "ListRecoveryPlanExecutionSteps"
        pages = self._pages(operation, {"recoveryPlanExecutionArn": execution.arn}, "recoveryPlanExecutionSteps")
        held = frozenset(source for page in pages for item in page for source in wire.held_by_native_step(item))
        try:
            name = wire.native_plan_name(self.call("GetRecoveryPlan", {"recoveryPlanArn": execution.plan_arn}))
        except DrsError:
            name = ""
        return replace(execution, source_server_ids=held, plan_name=name)

    def start_recovery(self, targets: Sequence[LaunchTarget], *, is_drill: bool, tags: Mapping[str, str]) -> Job:
        params: dict[str, Any] = {"sourceServers": [_target(target) for target in targets], "isDrill": is_drill}
        if tags:
            params["tags"] = dict(tags)
        return self._read("StartRecovery", wire.job_of_answer, self.call("StartRecovery", params))

    def terminate_recovery_instances(self, recovery_instance_ids: Sequence[str]) -> Job:
        operation = "TerminateRecoveryInstances"
        answer = self.call(operation, {"recoveryInstanceIDs": list(recovery_instance_ids)})
        return self._read(operation, wire.job_of_answer, answer)

    def _items(
        self, operation: str, params: Mapping[str, Any], parse: Callable[[Mapping[str, Any]], Parsed]
    ) -> Iterator[Parsed]:
        for page in self._pages(operation, params):
            for item in page:
                yield self._read(operation, parse, item)

    def _pages(
        self, operation: str, params: Mapping[str, Any], key: str = "items"
    ) -> Iterator[Sequence[Mapping[str, Any]]]:
        """Page by page and lazily: the next one is asked for only when the caller wants it."""
        token: str | None = None
        while True:
            calls.begin_page()
            answer = self.call(operation, {**params, "nextToken": token} if token else params)
            items = answer.get(key)
            yield items if isinstance(items, list) else []
            previous, token = token, answer.get("nextToken") or None
            if token is None:
                return
            if token == previous:
                raise failures.without_answer(self.endpoint, operation, "returned the same next page twice.")

    def _read(self, operation: str, parse: Callable[[Mapping[str, Any]], Parsed], answer: Mapping[str, Any]) -> Parsed:
        try:
            return parse(answer)
        except wire.MalformedAnswer as malformed:
            raise failures.without_answer(
                self.endpoint, operation, f"returned an unreadable answer. {malformed}"
            ) from None


def _filters(key: str, ids: Sequence[str]) -> Iterator[dict[str, list[str]]]:
    """The filters of each call: none at all for no ids, else chunks without repeats."""
    if not ids:
        yield {}
    unique = list(dict.fromkeys(ids))
    for start in range(0, len(unique), IDS_PER_CALL):
        yield {key: unique[start : start + IDS_PER_CALL]}


def _target(target: LaunchTarget) -> dict[str, str]:
    wanted = {"sourceServerID": target.source_server_id}
    if target.recovery_snapshot_id:
        wanted["recoverySnapshotID"] = target.recovery_snapshot_id
    return wanted
