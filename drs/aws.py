"""DRS through boto3: the only module of drsorch that imports it. `drs.automation` and `drs.objects` call through here.

One `AwsDrs` per endpoint lives for the whole process (`client_for`); boto3 clients are safe to share between threads,
creating them is not, so that happens under a lock. Where the endpoint names a role, its session comes from
STS AssumeRole with the external id and is renewed by botocore before it expires.

Every failure leaves here as a class of `drs.errors`; the sentences and the sorting are in `drs.failures`.
"""

from __future__ import annotations

import functools
import json
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import boto3
import botocore.loaders
import botocore.session
from botocore import xform_name
from botocore.awsrequest import AWSHTTPConnection, AWSHTTPConnectionPool, AWSHTTPSConnection, AWSHTTPSConnectionPool
from botocore.client import BaseClient
from botocore.config import Config
from botocore.credentials import DeferredRefreshableCredentials
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    ProxyConnectionError,
    ReadTimeoutError,
    SSLError,
    SSOTokenLoadError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)
from botocore.parsers import ResponseParserError
from botocore.response import StreamingBody

from drs import calls, failures, foreign, identity, wire
from drs.adapter import WireAdapter
from drs.automation_port import INVOCATION_SECONDS
from drs.deadline import Deadline, Watched
from drs.errors import Denied, DrsError
from drs.identity import Caller
from drs.port import Endpoint, Quotas
from drs.timing import is_too_late_to_go_out

#: Reads may be repeated by the SDK: three calls in all.
READS = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 3})
#: A launch, a termination or a command goes out once. Whether to send it again is the engine's decision alone.
ONCE: Any = {"mode": "standard", "total_max_attempts": 1}
#: A function's answer comes when it is done; kept alive, so that no firewall forgets a connection that says nothing.
INVOCATIONS = Config(
    connect_timeout=5,
    read_timeout=INVOCATION_SECONDS,
    tcp_keepalive=True,
    retries=ONCE,
)
#: Quotas and identity are nice to know; a machine that reaches only DRS must not wait for them.
EXTRAS = Config(connect_timeout=2, read_timeout=5, retries=ONCE)

#: Longest that a call may take as a whole, with its repetitions: botocore's own time-outs are for each read. What only
#: reads stays within a worker's lease; what starts something has the site's `CallTimes`.
CALL_SECONDS: Mapping[str, float] = {"drs": 45, "ssm": 45, "lambda": INVOCATION_SECONDS + 5, "s3": 45}
EXTRA_SECONDS = 10.0

#: What a role may lack: without the first the quotas are AWS's defaults, without the others native executions are not
#: seen, of which people are warned.
OPTIONAL = frozenset(
    {"ListServiceQuotas", "ListRecoveryPlanExecutions", "ListRecoveryPlanExecutionSteps", "GetRecoveryPlan"}
)

#: How long an answer of Service Quotas is good for, and how long a failure to get one is remembered.
QUOTAS_KEPT_SECONDS = 3600.0
QUOTAS_FAILURE_KEPT_SECONDS = 600.0

#: A role's session that is younger than this many seconds was not revoked: the role lacks the permission.
ROLE_IS_FRESH = 60.0

#: Sessions of a role that are kept, one for each caller; and how long it is remembered that a role's trust policy does
#: not let a caller be named.
SESSIONS_KEPT = 32
UNNAMED_SECONDS = 3600.0
Service = Literal["drs", "launches", "sts", "service-quotas", "ssm", "ssm-acts", "lambda", "s3"]
#: What steps run on: a site's own address is its DRS's, and says nothing of these.
_FOR_STEPS = ("ssm", "lambda")

#: TLS failures of the handshake: nothing was sent yet. Any other TLS failure may have come after the request.
HANDSHAKE_FAILURES = ("certificate", "wrong_version_number", "unsupported_protocol", "handshake", "doesn't match")

CREDENTIAL_FAILURES = (
    NoCredentialsError, PartialCredentialsError, CredentialRetrievalError, TokenRetrievalError, ProfileNotFound,
    SSOTokenLoadError, UnauthorizedSSOTokenError,
)  # fmt: skip
#: What botocore's parser stumbles into when an answer is of the wrong shape.
UNREADABLE_ANSWERS = (ResponseParserError, ValueError, TypeError, AttributeError, KeyError)
#: RuntimeError is botocore's word for "renewed credentials that have expired already".
SDK_FAILURES = (BotoCoreError, ClientError, RuntimeError, *UNREADABLE_ANSWERS)


@dataclass
class _Login:
    """A session and its clients: with them go the credentials that boto3 has read, which it never reads again."""

    session: boto3.Session
    #: By the monotonic clock.
    since: float
    #: The credentials that it began with; None for a role's, or if there were none.
    keys: tuple[str, str, str | None] | None
    clients: dict[Service, BaseClient] = field(default_factory=dict)
    #: Whose calls it is for; of the role's sessions only.
    caller: Caller = field(default_factory=Caller)


class AwsDrs(WireAdapter):
    """One account and Region of AWS DRS."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._lock = threading.RLock()
        #: By caller, the one that was used last at the end.
        self._logins: OrderedDict[Caller, _Login] = OrderedDict()
        self._naming = _Naming()
        self._quotas: tuple[float, Quotas] | None = None

    def verify(self) -> str:
        answer = self.ask("sts", "GetCallerIdentity", {})
        account = answer.get("Account")
        if not isinstance(account, str):
            raise failures.without_answer(self.endpoint, "GetCallerIdentity", "returned no account.")
        return foreign.identity(account)

    def quotas(self) -> Quotas:
        known = self._quotas
        if known is not None and time.monotonic() < known[0]:
            return known[1]
        try:
            found, kept = self._read_quotas(), QUOTAS_KEPT_SECONDS
        except DrsError:
            found, kept = Quotas(), QUOTAS_FAILURE_KEPT_SECONDS
        self._quotas = (time.monotonic() + kept, found)
        return found

    def call(self, operation: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        service: Service = "launches" if operation in failures.LAUNCHING_OPERATIONS else "drs"
        return self.ask(service, operation, params)

    def _read_quotas(self) -> Quotas:
        items: list[Mapping[str, Any]] = []
        params = {"ServiceCode": "drs"}
        while True:
            answer = self.ask("service-quotas", "ListServiceQuotas", params)
            items.extend(answer.get("Quotas") or ())
            token = answer.get("NextToken")
            if not token or token == params.get("NextToken"):
                return wire.quotas(items)
            params["NextToken"] = token

    def ask(self, service: Service, operation: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Make one call, and read its answer to the end; whatever goes wrong leaves as a `DrsError`.

        A refusal that may be about credentials that have been replaced since is answered with those of now, once. It
        certainly did nothing, so this is right for launches too.
        """
        login = self._current_login()
        try:
            return self._ask(login, service, operation, params)
        except Denied as refusal:
            if not self._may_be_outdated(login, refusal) or not self._renew(login):
                raise
            return self._ask(self._current_login(), service, operation, params)

    def _ask(self, login: _Login, service: Service, operation: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        client = self._client(login, service)
        with self._measured(service, operation), Deadline(self._call_seconds(service)) as deadline:
            try:
                answer = cast("Mapping[str, Any]", getattr(client, xform_name(operation))(**params))
                read = {name: each.read() if isinstance(each, StreamingBody) else each for name, each in answer.items()}
            except SDK_FAILURES as failure:  # a DrsError from taking on the role passes, it is in our words already
                if deadline.expired:
                    raise failures.without_answer(self.endpoint, operation, "did not answer in time.") from failure
                raise _translated(self.endpoint, operation, failure) from failure
            if deadline.expired:
                raise failures.without_answer(self.endpoint, operation, "did not answer in time.")
        return read

    def _measured(self, service: Service, operation: str) -> calls.Measured:
        name = {"launches": "drs", "ssm-acts": "ssm"}.get(service, service)
        account, region = self.endpoint.account_id, self.endpoint.region
        return calls.Measured(name, operation, account=account, region=region, optional=operation in OPTIONAL)

    def _call_seconds(self, service: Service) -> float:
        if service in ("launches", "ssm-acts"):
            return self.endpoint.call_times.limit_seconds
        return CALL_SECONDS.get(service, EXTRA_SECONDS)

    def _current_login(self) -> _Login:
        """The caller's own, where there is a role; else everybody's."""
        caller = identity.current() if self.endpoint.role_arn else Caller()
        with self._lock:
            login = self._logins.get(caller) or self._new_login(caller)
            self._keep(login)
            return login

    def _keep(self, login: _Login) -> None:
        self._logins[login.caller] = login
        self._logins.move_to_end(login.caller)
        while len(self._logins) > SESSIONS_KEPT:
            self._logins.popitem(last=False)

    def _new_login(self, caller: Caller) -> _Login:
        try:
            role = self.endpoint.role_arn
            session = _role_session(self.endpoint, caller, self._naming) if role else boto3.Session()
        except CREDENTIAL_FAILURES as failure:
            raise failures.no_credentials(self.endpoint, str(failure)) from failure
        return _Login(session, time.monotonic(), None if role else _keys(session), caller=caller)

    def _renew(self, login: _Login) -> bool:
        """Forget what this login knows. False if there are no other credentials than the ones it has."""
        with self._lock:
            if self._logins.get(login.caller) is login:
                fresh = self._new_login(login.caller)
                if not self.endpoint.role_arn and fresh.keys == login.keys:
                    return False
                self._keep(fresh)
            return True

    def _may_be_outdated(self, login: _Login, refusal: Denied) -> bool:
        """Expired or unknown, or none at all: a file may have been rewritten, a profile renewed. A role's session that
        was revoked is denied everything, as if a permission were missing."""
        if refusal.is_about_credentials:
            return True
        age = time.monotonic() - login.since
        return bool(self.endpoint.role_arn) and refusal.code in failures.ACCESS_DENIED_CODES and age > ROLE_IS_FRESH

    def _client(self, login: _Login, service: Service) -> BaseClient:
        with self._lock:
            if service not in login.clients:
                try:
                    login.clients[service] = self._new_client(login.session, service)
                except CREDENTIAL_FAILURES as failure:
                    raise failures.no_credentials(self.endpoint, str(failure)) from failure
                except (BotoCoreError, ValueError) as failure:  # a malformed address or Region
                    raise failures.not_connected(self.endpoint, "A request", str(failure)) from failure
            return login.clients[service]

    def _new_client(self, session: boto3.Session, service: Service) -> BaseClient:
        match service:
            case "drs":
                return _client(session, "drs", self.endpoint, READS)
            case "launches":
                return _client(session, "drs", self.endpoint, _launches(self.endpoint))
            case "ssm" | "s3":
                return _client(session, service, self.endpoint, READS)
            case "ssm-acts":
                return _client(session, "ssm", self.endpoint, _launches(self.endpoint))
            case "lambda":
                return _client(session, "lambda", self.endpoint, INVOCATIONS)
        return _client(session, service, self.endpoint, EXTRAS)


def _launches(endpoint: Endpoint) -> Config:
    """Kept alive for the same reason as an invocation: the answer to a launch may take minutes."""
    times = endpoint.call_times
    return Config(
        connect_timeout=times.connect_seconds, read_timeout=times.read_seconds, tcp_keepalive=True, retries=ONCE
    )


def _translated(endpoint: Endpoint, operation: str, failure: Exception) -> DrsError:  # noqa: PLR0911 (one return a kind of failure)
    match failure:
        case ClientError():
            answer = cast("dict[str, Any]", failure.response)
            metadata, error = answer.get("ResponseMetadata", {}), answer.get("Error", {})
            return failures.from_answer(
                endpoint,
                operation,
                metadata.get("HTTPStatusCode", 0),
                str(error.get("Code", "")),
                str(error.get("Message", "")),
                members=answer,
                retry_after=metadata.get("HTTPHeaders", {}).get("retry-after"),
            )
        case ParamValidationError():
            return failures.malformed_request(endpoint, operation, str(failure))
        case EndpointConnectionError() | ConnectTimeoutError() | ProxyConnectionError():
            return failures.not_connected(endpoint, operation, str(failure))
        case SSLError() if any(word in str(failure).lower() for word in HANDSHAKE_FAILURES):
            return failures.not_connected(endpoint, operation, str(failure))
        case ReadTimeoutError():
            return failures.without_answer(endpoint, operation, "did not answer in time.")
        case HTTPClientError():
            return failures.without_answer(endpoint, operation, "closed the connection.")
    if isinstance(failure, CREDENTIAL_FAILURES):
        return failures.no_credentials(endpoint, str(failure))
    if isinstance(failure, UNREADABLE_ANSWERS):
        return failures.without_answer(endpoint, operation, "returned an unreadable answer.")
    return failures.without_answer(endpoint, operation, f"could not be asked ({type(failure).__name__}: {failure}).")


def _keys(session: boto3.Session) -> tuple[str, str, str | None] | None:
    """The session's credentials; None if it has none that can be read now."""
    try:
        found = session.get_credentials()
        keys = found.get_frozen_credentials() if found is not None else None
        return (str(keys.access_key), str(keys.secret_key), keys.token) if keys is not None else None
    except (*CREDENTIAL_FAILURES, *SDK_FAILURES):
        return None


def _client(session: boto3.Session, service: str, endpoint: Endpoint, config: Config) -> BaseClient:
    address = endpoint.endpoint_url or None
    if service in _FOR_STEPS:
        address = None
    elif service != "drs" and os.environ.get(f"AWS_ENDPOINT_URL_{service.upper().replace('-', '_')}"):
        address = None  # the service's own variable says more than the site's address
    create = cast("Any", session.client)
    client: BaseClient = create(service, region_name=endpoint.region or None, endpoint_url=address, config=config)
    client.meta.events.register("before-send", functools.partial(_refuse_to_send_late, endpoint))
    client.meta.events.register("before-send", _note_sending)
    client.meta.events.register("response-received", _note_answer)
    # botocore has no other way to say what its connections are made of; the contract tests hold it to this one.
    pools = cast("Any", client)._endpoint.http_session._pool_classes_by_scheme
    pools.update(http=_Pool, https=_SecurePool)
    for speaks_json in ("drs", "ssm"):
        client.meta.events.register(f"before-parse.{speaks_json}", _refuse_other_than_json)
    return client


def _refuse_to_send_late(endpoint: Endpoint, event_name: str, **_: Any) -> None:
    """Right before the first byte, when everything that may take long is done."""
    if is_too_late_to_go_out():
        raise failures.not_sent_in_time(endpoint, event_name.rpartition(".")[2])


def _note_sending(**_: Any) -> None:
    if (call := calls.current()) is not None:
        call.sent()


def _note_answer(parsed_response: Mapping[str, Any] | None, exception: BaseException | None, **_: Any) -> None:
    if (call := calls.current()) is not None:
        call.answered(parsed_response, exception)


class _Connection(Watched, AWSHTTPConnection):  # type: ignore[misc] # botocore changes what its base has
    pass


class _SecureConnection(Watched, AWSHTTPSConnection):  # type: ignore[misc] # botocore changes what its base has
    pass


class _Pool(AWSHTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(AWSHTTPSConnectionPool):
    ConnectionCls = _SecureConnection


def _refuse_other_than_json(response_dict: dict[str, Any], operation_model: Any, **_: Any) -> None:
    """botocore reads a web page or half an answer as an empty one: "there are no servers". That must not pass."""
    shape = operation_model.output_shape
    if response_dict["status_code"] >= 300 or shape is None or not shape.members:
        return
    try:
        document = json.loads(response_dict["body"])
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise ResponseParserError("The answer is not a JSON object.")


class _Naming:
    """How a role's sessions are named. A source identity needs `sts:SetSourceIdentity` in the trust policy, which may
    also ask for a certain session name: what was refused is left out for an hour."""

    def __init__(self) -> None:
        self._first = 0
        self._until = 0.0

    def ways(self, caller: Caller) -> Iterator[tuple[int, dict[str, str]]]:
        """The most telling one first."""
        named = {"RoleSessionName": caller.session_name}
        ways = [{**named, "SourceIdentity": caller.source_identity}, named]
        if caller.session_name != identity.OURS:
            ways.append({"RoleSessionName": identity.OURS})
        first = self._first if time.monotonic() < self._until else 0
        yield from list(enumerate(ways))[min(first, len(ways) - 1) :]

    def worked(self, number: int) -> None:
        if number and (time.monotonic() >= self._until or number > self._first):
            self._first, self._until = number, time.monotonic() + UNNAMED_SECONDS


def _role_session(endpoint: Endpoint, caller: Caller, naming: _Naming) -> boto3.Session:
    """A session that acts as the endpoint's role for the caller, its keys fetched on first use and renewed before they
    expire."""
    own = boto3.Session()
    sts: BaseClient | None = None
    parameters = {"RoleArn": endpoint.role_arn}
    if endpoint.external_id:
        parameters["ExternalId"] = endpoint.external_id

    def ask(way: Mapping[str, str], *, is_last: bool) -> Mapping[str, Any]:
        account, region = endpoint.account_id, endpoint.region
        with calls.Measured("sts", "AssumeRole", account=account, region=region, optional=not is_last):
            try:
                answer: Mapping[str, Any] = cast("Any", sts).assume_role(**parameters, **way)
            except SDK_FAILURES as failure:
                # Translated here, so that it cannot be taken for a failure of the call that needed the role.
                raise _translated(endpoint, "AssumeRole", failure) from failure
        return answer

    def assume() -> dict[str, str]:
        nonlocal sts  # botocore calls this under its refresh lock
        try:
            sts = sts or _client(own, "sts", endpoint, READS)
        except SDK_FAILURES as failure:
            raise _translated(endpoint, "AssumeRole", failure) from failure
        ways = list(naming.ways(caller))
        for number, way in ways:
            is_last = way is ways[-1][1]
            try:
                credentials = ask(way, is_last=is_last)["Credentials"]
            except Denied as refusal:
                if refusal.code not in failures.ACCESS_DENIED_CODES or is_last:
                    raise
                continue
            except UNREADABLE_ANSWERS as failure:
                raise _translated(endpoint, "AssumeRole", failure) from failure
            naming.worked(number)
            return {
                "access_key": credentials["AccessKeyId"],
                "secret_key": credentials["SecretAccessKey"],
                "token": credentials["SessionToken"],
                "expiry_time": credentials["Expiration"].isoformat(),
            }
        raise AssertionError("The last way has either worked or raised.")

    raw_session = botocore.session.Session()
    raw_session.register_component("data_loader", _models)
    cast("Any", raw_session)._credentials = DeferredRefreshableCredentials(refresh_using=assume, method="assume-role")
    return boto3.Session(botocore_session=raw_session)


#: AWS's models are megabytes: all sessions of roles share what was read of them.
_models = botocore.loaders.create_loader()

_known: dict[tuple[Endpoint, tuple[tuple[str, str], ...]], AwsDrs] = {}
_known_lock = threading.Lock()


def client_for(endpoint: Endpoint) -> AwsDrs:
    """The process's one `AwsDrs` for the endpoint. A change of the AWS_* variables makes a new one."""
    settings = tuple(sorted((name, value) for name, value in os.environ.items() if name.startswith("AWS_")))
    with _known_lock:
        return _known.setdefault((endpoint, settings), AwsDrs(endpoint))
