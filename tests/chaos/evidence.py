"""What must hold after any fault: the proof, and its line in the table."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.management import CommandError, call_command

from drs.port import OPERATION_TAG
from drsorch.client import Json, wait_for
from tests.acceptance.shop import FINAL, servers
from tests.chaos.deployment import END_SECONDS, Deployment

#: Servers that nothing was launched for.
_UNTOUCHED = frozenset({"pending", "queued", "skipped", "cancelled"})


@dataclass
class Trial:
    """One fault and the executions that it is tried on. `note` takes a line of the table."""

    deployment: Deployment
    note: Callable[[str, Any], None]
    fault: str
    #: What moves the engine; empty for all that does.
    mode: str
    executions: list[str] = field(default_factory=list)
    _calls_before: int = 0
    _jobs_before: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self._calls_before = max((call["number"] for call in self.deployment.simulator.all_calls()), default=0)
        self._jobs_before = frozenset(job["jobID"] for job in self.deployment.simulator.jobs())

    # --- the executions -----------------------------------------------------------------------------------------

    def drill(self, app: str = "shop", **more: Any) -> str:
        made = self.deployment.api.post("executions/", {"plan": app, "kind": "drill", **more})
        self.executions.append(made["id"])
        return str(made["id"])

    def seen(self, execution: str) -> Json:
        return self.deployment.api.get(f"executions/{execution}/")

    def end(self, execution: str, seconds: float = END_SECONDS) -> Json:
        """The execution, once it has reached a final status."""

        def ended() -> Json | None:
            seen = self.seen(execution)
            return seen if seen["status"] in FINAL else None

        return wait_for("The execution's end", ended, seconds=seconds, every=0.4)

    def cleaned(self, execution: str, seconds: float = END_SECONDS) -> Json:
        """The execution, once its clean-up is over."""

        def over() -> Json | None:
            seen = self.seen(execution)
            return seen if seen["cleanup_status"] in ("succeeded", "failed") else None

        return wait_for("The clean-up's end", over, seconds=seconds, every=0.4)

    def calls(self, operation: str) -> list[dict[str, Any]]:
        """The calls that DRS accepted since the trial began."""
        return [call for call in self.deployment.simulator.calls(operation) if call["number"] > self._calls_before]

    # --- the proof ----------------------------------------------------------------------------------------------

    def launched(self, jobs: int = 1) -> None:
        """Returns once DRS has accepted so many jobs."""
        wait_for("The launch", lambda: len(self.calls("StartRecovery")) >= jobs, seconds=END_SECONDS, every=0.05)

    def prove(
        self, status: str | Collection[str] = "succeeded", *, launches: Mapping[str, int] | None = None
    ) -> list[Json]:
        """Every execution ended, as expected; every server it reached was launched once, or as often as `launches`
        (by hostname) says; no job is nobody's; every event chain is intact; nothing is left to do."""
        expected = {status} if isinstance(status, str) else set(status)
        ended = [self.end(execution) for execution in self.executions]
        assert {execution["status"] for execution in ended} <= expected, ended
        launched = self._launches()
        for server in [server for execution in ended for server in servers(execution)]:
            source = server["source_server_id"]
            due = (launches or {}).get(server["hostname"], 0 if server["status"] in _UNTOUCHED else 1)
            assert launched[source] == due, f"{server['hostname']}: {launched[source]} launches, not {due}: {server}"
        self._no_intent_went_out_twice()
        self._no_instance_was_terminated_twice()
        wait_for("The engine's rest", self._at_rest, seconds=END_SECONDS)
        orphans = self._orphans()
        assert not orphans, f"jobs that no operation knows: {orphans}"
        chain = self._chain()
        assert chain == "intact", chain
        counts = sorted({launched[server["source_server_id"]] for one in ended for server in servers(one)})
        self.note(
            "chaos",
            {
                "fault": self.fault,
                "mode": self.mode,
                "executions": len(ended),
                "status": ", ".join(sorted({execution["status"] for execution in ended})),
                "launches": ", ".join(map(str, counts)),
                "orphans": len(orphans),
                "chain": chain,
            },
        )
        return ended

    def _launches(self) -> Counter[str]:
        """How many times DRS launched each server, by DRS's own record."""
        return Counter(
            server["sourceServerID"]
            for call in self.calls("StartRecovery")
            for server in call["params"]["sourceServers"]
        )

    def _no_intent_went_out_twice(self) -> None:
        keys = Counter(call["params"].get("tags", {}).get(OPERATION_TAG) for call in self.calls("StartRecovery"))
        del keys[None]  # Where tags are switched off.
        assert set(keys.values()) <= {1}, f"intents that were sent more than once: {keys}"

    def _no_instance_was_terminated_twice(self) -> None:
        count = Counter(
            instance
            for call in self.calls("TerminateRecoveryInstances")
            for instance in call["params"]["recoveryInstanceIDs"]
        )
        assert set(count.values()) <= {1}, f"instances that were terminated more than once: {count}"

    def _at_rest(self) -> bool:
        from executions.models import Execution, Operation

        with self.deployment.rows():
            mine = {"execution__in": self.executions}
            return not (
                Execution.objects.filter(pk__in=self.executions, due_at__isnull=False).exists()
                or Operation.objects.filter(**mine, state__in=["intended", "accepted"]).exists()
            )

    def _orphans(self) -> set[str]:
        """Jobs of DRS that belong to no operation, or to more than one."""
        from executions.models import Operation

        started = {job["jobID"] for job in self.deployment.simulator.jobs()} - self._jobs_before
        with self.deployment.rows():
            rows = Operation.objects.filter(execution__in=self.executions, state="settled").exclude(job_id="")
            known = Counter(rows.values_list("job_id", flat=True))
        return {job for job in started | set(known) if known[job] != 1 or job not in started}

    def _chain(self) -> str:
        """`manage.py verify_audit` on these executions."""
        complaints = io.StringIO()
        with self.deployment.rows():
            try:
                call_command("verify_audit", *self.executions, stdout=io.StringIO(), stderr=complaints)
            except CommandError as error:
                return f"{error} {complaints.getvalue()}"
        return "intact"
