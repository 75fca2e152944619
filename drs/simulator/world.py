"""The whole simulated AWS: accounts, their Regions, the faults in force, and a record of every call.

`World.call` is one DRS operation as the wire sees it: JSON-like parameters in, a JSON-like answer or a `WireError` out.
Timestamps come from `now` (real time unless told otherwise); `speed` divides the durations of jobs, so that the
simulator's times agree with its callers' clock. Safe to use from several threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from drs.simulator import quotas, scenarios
from drs.simulator.accounts import DEFAULT_SESSION_SECONDS, Accounts, Caller
from drs.simulator.errors import LateAnswer, LateWork, NoAnswer, ScenarioError, WireError, validation
from drs.simulator.faults import Fault, Faults
from drs.simulator.native import NativeExecution
from drs.simulator.operations import model, runs
from drs.simulator.operations.drs import OPERATIONS, WITHOUT_INITIALISATION, Context
from drs.simulator.operations.runs import Operation
from drs.simulator.region import Region
from drs.simulator.scenarios import Scenario
from drs.simulator.state import JobRecord, Server


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call. `accepted` says whether its work was done, whatever the caller got to hear."""

    number: int
    operation: str
    at: datetime
    account: str
    region: str
    params: Mapping[str, Any]
    outcome: str
    accepted: bool

    def described(self) -> dict[str, Any]:
        return asdict(self) | {"at": self.at.isoformat()}


#: What the services do that a world carries out; STS and Service Quotas only look at it.
_SERVICES = {"drs": OPERATIONS, "ssm": runs.SSM, "lambda": runs.LAMBDA}


class World:
    def __init__(
        self,
        scenario: Scenario | str = "small",
        *,
        seed: int = 1,
        speed: float = 1.0,
        now: Callable[[], datetime] | None = None,
        check_answers: bool = False,
    ) -> None:
        self.scenario = scenarios.load(scenario) if isinstance(scenario, str) else scenario
        self.seed = seed
        self.speed = speed
        self.check_answers = check_answers
        self.faults = Faults(seed)
        self.accounts = Accounts(list(self.scenario.accounts), seed)
        self.calls: list[CallRecord] = []
        self.lock = threading.RLock()
        self._now = now or (lambda: datetime.now(UTC))
        self._here = threading.local()
        self._held: list[tuple[datetime, Callable[[], Any]]] = []
        self._regions: dict[tuple[str, str], Region] = {}
        for plan in self.scenario.regions:
            region = self._new_region(plan.account, plan.region, initialised=plan.initialised)
            region.servers = {server.id: server for server in scenarios.servers(plan, seed, self.now())}
        for fault in self.scenario.faults:
            self.faults.add(**fault)

    def now(self) -> datetime:
        """The world's time to the millisecond: as exact as answers show it, so that a filter finds what it names."""
        moment = self._now()
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    def region(self, account: str, name: str) -> Region:
        """The account's Region, up to date. One that the scenario does not name exists, uninitialised and empty."""
        if account not in self.accounts:
            raise ScenarioError(f"There is no account {account!r}; there are {', '.join(self.accounts.ids)}.")
        with self.lock:
            self._carry_out_held()
            region = self._regions.get((account, name)) or self._new_region(account, name, initialised=False)
            region.advance(self.now())
            return region

    @contextmanager
    def late(self) -> Iterator[None]:
        """What this thread asks for meanwhile was held before, and is carried out now."""
        self._here.is_late = True
        try:
            yield
        finally:
            self._here.is_late = False

    def later(self, seconds: float, work: Callable[[], Any]) -> None:
        """Have held work carried out then: by the first look at the world after that time."""
        with self.lock:
            self._held.append((self.now() + timedelta(seconds=seconds), work))

    def _carry_out_held(self) -> None:
        due = [held for held in self._held if held[0] <= self.now()]
        self._held = [held for held in self._held if held not in due]
        for _, work in due:
            with self.late():
                work()

    def regions(self) -> list[Region]:
        return [self.region(*key) for key in list(self._regions)]

    def call(
        self, account: str, region: str, operation: str, params: Mapping[str, Any], *, service: str = "drs"
    ) -> dict[str, Any]:
        """Carry out one operation of DRS, or of `ssm` or `lambda`.

        Raises `WireError` for an error answer, `NoAnswer`, `LateAnswer` or `LateWork` where a fault says so.
        """
        with self.lock:
            try:
                self.accounts.check_region(account, region)
                answer = self._carried_out(self.region(account, region), service, operation, params)
            except LateAnswer:
                self._record(account, region, operation, params, "accepted, answered late", accepted=True)
                raise
            except _Lost as lost:
                self._record(account, region, operation, params, lost.outcome, accepted=lost.accepted)
                raise lost.failure from None
            except WireError as error:
                self._record(account, region, operation, params, error.code, accepted=False)
                raise
            self._record(account, region, operation, params, "accepted", accepted=True)
            return answer

    def caller(self, access_key: str, token: str) -> Caller:
        with self.lock:
            if (fault := self.faults.strike_key("expired_credentials", access_key)) is not None:
                raise WireError(403, fault.options["code"], "The security token included in the request is expired")
            return self.accounts.caller(access_key, token, self.now())

    def assume_role(self, caller: Caller, params: Mapping[str, Any]) -> dict[str, Any]:
        """STS AssumeRole."""
        with self.lock:
            return self.accounts.assume_role(
                caller,
                params["RoleArn"],
                self.now(),
                external_id=params.get("ExternalId", ""),
                session_name=params["RoleSessionName"],
                seconds=params.get("DurationSeconds", DEFAULT_SESSION_SECONDS),
                source_identity=params.get("SourceIdentity", ""),
            )

    def check_side_call(self, account: str, region: str, operation: str) -> None:
        """Let the faults strike a call of STS or Service Quotas. Raises `WireError`, `NoAnswer` or `LateWork`."""
        with self.lock:
            try:
                self._hold(lambda name: self.faults.strike(name, operation, account, region))
                self._fail_before(operation, lambda name: self.faults.strike(name, operation, account, region))
            except _Lost as lost:
                raise lost.failure from None

    def quotas(self, account: str, region: str) -> list[dict[str, Any]]:
        """The `Quotas` of Service Quotas' ListServiceQuotas."""
        return quotas.listed(self.region(account, region).limits, account, region)

    def native_execution(
        self, account: str, region: str, name: str, steps: list[list[str]], *, mode: str = "DRILL"
    ) -> NativeExecution:
        """Have an execution of a native recovery plan in progress, a step for each list of source server ids."""
        with self.lock:
            place = self.region(account, region)
            if not steps or not all(steps) or not {one for step in steps for one in step} <= set(place.servers):
                raise ScenarioError(f"Give steps of source server ids that are in {account} {region}.")
            arns = [[place.servers[server_id].arn for server_id in step] for step in steps]
            return place.native.start(f"arn:aws:drs:{region}:{account}:", name, arns, mode, self.now())

    def foreign_job(self, account: str, region: str, server_ids: list[str], *, is_drill: bool = True) -> JobRecord:
        """Start a job as somebody else would: it is not among `calls`, and no fault strikes the call."""
        with self.lock:
            place = self.region(account, region)
            for server_id in server_ids:
                if server_id not in place.servers:
                    raise ScenarioError(f"There is no source server {server_id!r} in {account} {region}.")
            return place.start_recovery(self.now(), self.speed, dict.fromkeys(server_ids), is_drill=is_drill, tags={})

    def _carried_out(self, region: Region, service: str, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        operations: Mapping[str, Operation] = _SERVICES[service]
        if operation not in model.service(service).operation_names:
            name = "DRS" if service == "drs" else service
            raise WireError(404, "UnknownOperationException", f"{name} has no operation {operation}.")
        if operation not in operations:
            raise validation(f"The simulator does not have {operation} yet.", reason="unknownOperation")
        servers = _servers_named(region, params)

        def strike(name: str) -> Fault | None:
            return self.faults.strike(name, operation, region.account, region.name, servers)

        self._hold(strike)
        self._fail_before(operation, strike)
        problems = model.input_problems(service, operation, params)
        if problems:
            said = "; ".join(f"{problem.path} {problem.message}" for problem in problems)
            raise validation(
                f"{len(problems)} validation errors: {said}." if len(problems) > 1 else f"{said}.",
                fields=[{"name": problem.path, "message": problem.message} for problem in problems],
            )
        if service == "drs" and not region.initialised and operation not in WITHOUT_INITIALISATION:
            raise WireError(
                400, "UninitializedAccountException",
                "Account is not initialized. Call InitializeService in this Region first.",
            )  # fmt: skip
        answer = operations[operation](self._context(region), params)
        if self.check_answers:
            wrong = model.answer_problems(service, operation, answer)
            if wrong:
                raise AssertionError(f"the simulator's answer to {operation} breaks the model: {wrong}")
        return self._fail_after(answer, strike)

    def _hold(self, strike: Callable[[str], Fault | None]) -> None:
        if not getattr(self._here, "is_late", False) and (fault := strike("late_work")) is not None:
            raise LateWork(fault.options["seconds"])

    def _fail_before(self, operation: str, strike: Callable[[str], Fault | None]) -> None:
        if (fault := strike("hang")) is not None:
            raise _Lost("hung", NoAnswer(fault.options["seconds"]), accepted=False)
        if strike("lost_request") is not None:
            raise _Lost("request lost", NoAnswer(), accepted=False)
        if (fault := strike("throttle")) is not None:
            raise WireError(
                429, "ThrottlingException", "Rate exceeded", retryAfterSeconds=fault.options["retry_after_seconds"]
            )
        if (fault := strike("error_5xx")) is not None:
            raise _server_error(fault)
        if strike("access_denied") is not None:
            odd = strike("odd_text")
            raise WireError(
                403, "AccessDeniedException",
                f"User is not authorized to perform: {operation}{odd.options['text'] if odd else ''}",
            )  # fmt: skip

    @staticmethod
    def _fail_after(answer: dict[str, Any], strike: Callable[[str], Fault | None]) -> dict[str, Any]:
        if strike("lost_answer") is not None:
            raise _Lost("accepted, answer lost", NoAnswer(), accepted=True)
        if (fault := strike("error_5xx_after")) is not None:
            raise _Lost(f"accepted, answered {fault.options['status']}", _server_error(fault), accepted=True)
        if (fault := strike("unknown_enum")) is not None:
            answer = _with_unknown(answer, fault.options)
        if (fault := strike("odd_text")) is not None:
            answer = _with_odd_text(answer, fault.options)
        if (fault := strike("drip")) is not None:
            raise LateAnswer(fault.options["seconds"], answer, drips=True)
        if (fault := strike("late_answer")) is not None:
            raise LateAnswer(fault.options["seconds"], answer)
        return answer

    def _context(self, region: Region) -> Context:
        return Context(
            region, self.now(), self.speed, self.scenario.page_size, self.scenario.jobs_name_instances,
            self.scenario.termination_jobs_end_empty, self.faults,
        )  # fmt: skip

    def _new_region(self, account: str, name: str, *, initialised: bool) -> Region:
        region = Region(
            account, name, seed=self.seed, faults=self.faults, limits=self.scenario.limits,
            durations=self.scenario.durations, initialised=initialised,
        )  # fmt: skip
        self._regions[account, name] = region
        return region

    def _record(
        self, account: str, region: str, operation: str, params: Mapping[str, Any], outcome: str, *, accepted: bool
    ) -> None:
        number = len(self.calls) + 1
        self.calls.append(CallRecord(number, operation, self.now(), account, region, params, outcome, accepted))


class _Lost(Exception):
    """A call whose caller hears nothing, or an error, although the record must say what was done."""

    def __init__(self, outcome: str, failure: Exception, *, accepted: bool) -> None:
        super().__init__(outcome)
        self.outcome = outcome
        self.failure = failure
        self.accepted = accepted


def _server_error(fault: Fault) -> WireError:
    return WireError(int(fault.options["status"]), "InternalServerException", "An internal error has occurred.")


def _servers_named(region: Region, params: Mapping[str, Any]) -> list[Server]:
    """The source servers that a call is about, as far as it names any."""
    ids = [params.get("sourceServerID")]
    entries = params.get("sourceServers")
    ids += [entry.get("sourceServerID") for entry in entries or () if isinstance(entry, Mapping)]
    filters = params.get("filters")
    if isinstance(filters, Mapping):
        ids += filters.get("sourceServerIDs") or ()
    instance_ids = [*(params.get("recoveryInstanceIDs") or ()), *(params.get("InstanceIds") or ())]
    instances = [region.instances.get(instance_id) for instance_id in instance_ids]
    ids += [instance.server_id for instance in instances if instance is not None]
    known = region.servers
    return [known[server_id] for server_id in ids if isinstance(server_id, str) and server_id in known]


def _with_unknown(value: Any, options: Mapping[str, Any]) -> Any:
    """The value with every member of that name (and, if given, that value) replaced."""
    if isinstance(value, Mapping):
        member, instead_of = options["member"], options["instead_of"]
        return {
            key: options["value"]
            if key == member and instead_of in (None, content)
            else _with_unknown(content, options)
            for key, content in value.items()
        }
    if isinstance(value, list):
        return [_with_unknown(entry, options) for entry in value]
    return value


def _with_odd_text(value: Any, options: Mapping[str, Any], *, inside: bool = False) -> Any:
    """The value with the text added to every text of the members named, to keys of maps too."""
    if isinstance(value, Mapping):
        added = options["text"] if inside else ""
        return {
            f"{key}{added}": _with_odd_text(content, options, inside=inside or key in options["members"])
            for key, content in value.items()
        }
    if isinstance(value, list):
        return [_with_odd_text(entry, options, inside=inside) for entry in value]
    return f"{value}{options['text']}" if inside and isinstance(value, str) else value
