"""`drs.aws` against servers that are nobody's DRS: what it makes of anything that comes back, or does not.

Each server here is a few lines that answer one scripted thing, for what is under trial is the translation of boto3's
and the network's failures, and our simulator does not fail in these ways.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import time_machine

from drs import aws, errors
from drs.automation import AwsAutomation
from drs.aws import AwsDrs, client_for
from drs.port import Endpoint, LaunchTarget, Quotas
from drs.simulator.testing import serve
from drs.simulator.world import World
from drs.timing import CallTimes
from tests.acceptance.pages import dripping_page
from tests.contract.conftest import ACCOUNT, HOME, OTHER_ACCOUNT, ROLE

TARGET = LaunchTarget("s-00000000000000001")


@dataclass
class Scripted:
    """A server that answers every request with the same bytes (None: it hangs up)."""

    url: str
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)


@contextmanager
def scripted(answer: Callable[[dict[str, Any]], bytes | None], *, pause: float = 0.0) -> Iterator[Scripted]:
    stop = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked = json.loads(body) if body.startswith(b"{") else {}
            told.asked.append((self.path, asked))
            stop.wait(pause)
            content = answer(asked)
            if content is not None:
                self.wfile.write(content)
            self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            """Requests are in `asked`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told = Scripted(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield told
    finally:
        stop.set()
        server.shutdown()
        thread.join()
        server.server_close()


def reply(status: int, body: object = b"", **headers: str) -> bytes:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = {"Content-Type": "application/json", "Content-Length": str(len(content)), "Connection": "close"}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} Scripted\r\n{head}\r\n".encode() + content


@pytest.fixture(autouse=True)
def _credentials(credentials: None) -> None:
    """Every scenario here has the keys of the simulator's account."""


@pytest.fixture
def started() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def at(url: str, **more: Any) -> AwsDrs:
    return AwsDrs(Endpoint(HOME, ACCOUNT, endpoint_url=url, **more))


def read(drs: AwsDrs) -> None:
    list(drs.source_servers())


def launch(drs: AwsDrs) -> None:
    drs.start_recovery([TARGET], is_drill=True, tags={})


def failure_of(call: Callable[[AwsDrs], None], drs: AwsDrs) -> errors.DrsError:
    with pytest.raises(errors.DrsError) as caught:
        call(drs)
    return caught.value


@pytest.mark.parametrize("call", [read, launch], ids=["a read", "a launch"])
@pytest.mark.parametrize(
    "head",
    [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"],
)
def test_an_answer_that_comes_a_byte_at_a_time_has_a_deadline(
    head: bytes, call: Callable[[AwsDrs], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the whole call, with the SDK's repetitions: each byte comes in botocore's own time."""
    monkeypatch.setattr("drs.aws.CALL_SECONDS", {"drs": 0.5})
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda self, context: 0.0)
    with dripping_page(head) as page:
        failure = failure_of(call, AwsDrs(Endpoint(HOME, ACCOUNT, endpoint_url=page.url, call_times=CallTimes(1.2))))
    assert type(failure) is (errors.Unreachable if call is read else errors.OutcomeUnknown)
    assert "did not answer in time" in failure.message


def test_a_functions_answer_that_comes_a_byte_at_a_time_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drs.aws.CALL_SECONDS", {"lambda": 0.5})
    with dripping_page(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n") as page:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", page.url)
        with pytest.raises(errors.OutcomeUnknown, match="did not answer in time"):
            AwsAutomation(AwsDrs(Endpoint(HOME, ACCOUNT))).invoke("shop-dns", {})


#: What comes back; what a read makes of it; what a launch makes of it.
ANSWERS: dict[str, tuple[bytes | None, type[errors.DrsError], type[errors.DrsError]]] = {
    "hangs up": (None, errors.Unreachable, errors.OutcomeUnknown),
    "garbage": (b"SSH-2.0-OpenSSH_9.2\r\n", errors.Unreachable, errors.OutcomeUnknown),
    "half an answer": (
        reply(200, b'{"items": [', Content_Length="9999"), errors.Unreachable, errors.OutcomeUnknown,
    ),
    "a web page": (
        reply(200, b"<html>Welcome</html>", Content_Type="text/html"), errors.Unreachable, errors.OutcomeUnknown,
    ),
    "a bad gateway's page": (
        reply(502, b"<html>Bad gateway</html>", Content_Type="text/html"), errors.Unreachable, errors.OutcomeUnknown,
    ),
    "503": (
        reply(503, {"message": "later"}, x_amzn_ErrorType="ServiceUnavailable"),
        errors.Unreachable, errors.OutcomeUnknown,
    ),
    "504": (reply(504), errors.Unreachable, errors.OutcomeUnknown),
    "408": (reply(408, {"message": "too slow"}), errors.Unreachable, errors.OutcomeUnknown),
    "a server without its id": (
        reply(200, {"items": [{"arn": "x"}], "job": {"status": "PENDING"}}),
        errors.Unreachable, errors.OutcomeUnknown,
    ),
    "nothing at all": (reply(200), errors.Unreachable, errors.OutcomeUnknown),
    "a JSON list": (reply(200, []), errors.Unreachable, errors.OutcomeUnknown),
    "an object of nonsense": (reply(200, {"items": 3, "job": []}), errors.Unreachable, errors.OutcomeUnknown),
    "a list of nonsense": (
        reply(200, {"items": ["nonsense"], "job": "none"}), errors.Unreachable, errors.OutcomeUnknown,
    ),
    "throttled": (
        reply(429, {"message": "Rate exceeded"}, x_amzn_ErrorType="ThrottlingException"),
        errors.Throttled, errors.Throttled,
    ),
    "throttled by another name": (
        reply(400, {"__type": "com.amazonaws#TooManyRequestsException"}), errors.Throttled, errors.Throttled,
    ),
    "slow down, from a 503": (
        reply(503, {"message": "x"}, x_amzn_ErrorType="SlowDown"), errors.Throttled, errors.Throttled,
    ),
    "denied": (
        reply(403, {"message": "not authorized"}, x_amzn_ErrorType="AccessDeniedException"),
        errors.Denied, errors.Denied,
    ),
    "a proxy's 403": (reply(403, b"", Content_Type="text/plain"), errors.Denied, errors.Denied),
    "expired": (reply(403, {}, x_amzn_ErrorType="ExpiredTokenException"), errors.Denied, errors.Denied),
    "unknown key": (reply(403, {}, x_amzn_ErrorType="UnrecognizedClientException"), errors.Denied, errors.Denied),
    "bad signature": (reply(403, {}, x_amzn_ErrorType="InvalidSignatureException"), errors.Denied, errors.Denied),
    "uninitialised": (
        reply(400, {}, x_amzn_ErrorType="UninitializedAccountException"),
        errors.NotInitialised, errors.NotInitialised,
    ),
    "busy": (reply(409, {}, x_amzn_ErrorType="ConflictException"), errors.ServerBusy, errors.ServerBusy),
    "quota": (
        reply(402, {"quotaCode": "L-05AFA8C6"}, x_amzn_ErrorType="ServiceQuotaExceededException"),
        errors.QuotaExceeded, errors.QuotaExceeded,
    ),
    "missing": (reply(404, {}, x_amzn_ErrorType="ResourceNotFoundException"), errors.NotFound, errors.NotFound),
    "invalid": (reply(400, {}, x_amzn_ErrorType="ValidationException"), errors.Rejected, errors.Rejected),
    "an error nobody knows": (reply(418, {}, x_amzn_ErrorType="TeapotException"), errors.Rejected, errors.Rejected),
}  # fmt: skip


@pytest.mark.parametrize("name", ANSWERS)
def test_what_a_read_makes_of_an_answer(started: ExitStack, name: str) -> None:
    answer, kind, _ = ANSWERS[name]
    server = started.enter_context(scripted(lambda asked: answer))
    failure = failure_of(read, at(server.url))
    assert type(failure) is kind is not errors.OutcomeUnknown
    assert ACCOUNT in str(failure)
    assert str(failure).endswith(".")


@pytest.mark.parametrize("name", ANSWERS)
def test_what_a_launch_makes_of_an_answer_and_it_goes_out_once(started: ExitStack, name: str) -> None:
    answer, _, kind = ANSWERS[name]
    server = started.enter_context(scripted(lambda asked: answer))
    failure = failure_of(launch, at(server.url))
    assert type(failure) is kind
    assert len(server.asked) == 1


def test_reads_are_repeated_by_the_sdk(started: ExitStack) -> None:
    server = started.enter_context(scripted(lambda asked: ANSWERS["503"][0]))
    failure_of(read, at(server.url))
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("1.5", 1.5), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("-1", None), ("inf", None), ("soon", None)],
)
def test_when_to_come_back(started: ExitStack, header: str, seconds: float | None) -> None:
    body = {"message": "Rate exceeded"}
    answer = reply(429, body, x_amzn_ErrorType="ThrottlingException", Retry_After=header)
    server = started.enter_context(scripted(lambda asked: answer))
    failure = failure_of(launch, at(server.url))
    assert type(failure) is errors.Throttled
    assert failure.retry_after_seconds == seconds


def test_no_answer_in_time(started: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    hasty = {"read_timeout": 0.2, "connect_timeout": 1, "retries": {"mode": "standard", "total_max_attempts": 1}}
    monkeypatch.setattr(aws, "READS", aws.Config(**hasty))
    server = started.enter_context(scripted(lambda asked: reply(200, {"items": []}), pause=60))
    drs = at(server.url, call_times=CallTimes(0.6))
    assert "did not answer in time" in str(failure_of(read, drs))
    assert type(failure_of(launch, drs)) is errors.OutcomeUnknown


def test_a_simulator_that_is_stopped_answers_nobody_not_even_those_that_it_keeps_waiting(started: ExitStack) -> None:
    world = World("small")
    world.faults.add("hang", operation="StartRecovery", seconds=600)
    found: list[errors.DrsError] = []
    with ExitStack() as serving:
        drs = at(serving.enter_context(serve(world)))
        read(drs)
        waiting = threading.Thread(target=lambda: found.append(failure_of(launch, drs)))
        waiting.start()
        while not world.calls or world.calls[-1].operation != "StartRecovery":
            threading.Event().wait(0.01)
    waiting.join(timeout=20)
    assert [type(failure) for failure in found] == [errors.OutcomeUnknown]
    assert type(failure_of(read, drs)) is errors.Unreachable


def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:{closed}", "http://nowhere.invalid", "not an address", "https://127.0.0.1:{plain}"],
    ids=["refused", "no such host", "malformed", "not TLS"],
)
@pytest.mark.parametrize("call", [read, launch])
def test_no_connection_means_nothing_was_done(started: ExitStack, address: str, call: Callable[[AwsDrs], None]) -> None:
    server = started.enter_context(scripted(lambda asked: reply(200)))
    url = address.format(closed=closed_port(), plain=server.url.rpartition(":")[2])
    failure = failure_of(call, at(url))
    assert type(failure) is errors.Unreachable
    assert url in str(failure)
    assert server.asked == []


def test_a_proxy_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    assert type(failure_of(launch, at("http://drs.example"))) is errors.Unreachable


@pytest.mark.parametrize("call", [read, launch])
def test_no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Any, call: Callable[[AwsDrs], None]) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    failure = failure_of(call, at("http://127.0.0.1:1"))
    assert type(failure) is errors.Denied
    assert "no usable AWS credentials" in str(failure)


def test_a_profile_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "of-nobody")
    failure = failure_of(read, at("http://127.0.0.1:1"))
    assert type(failure) is errors.Denied
    assert "of-nobody" in str(failure)


def test_a_region_that_cannot_be(started: ExitStack) -> None:
    assert type(failure_of(read, AwsDrs(Endpoint("not a region!")))) is errors.Unreachable


def test_pages_that_never_end_are_noticed(started: ExitStack) -> None:
    server = started.enter_context(scripted(lambda asked: reply(200, {"items": [], "nextToken": "again"})))
    assert "the same next page twice" in str(failure_of(read, at(server.url)))
    assert len(server.asked) == 2


def test_pages_of_any_size_even_empty_ones(started: ExitStack) -> None:
    pages: dict[str | None, dict[str, Any]] = {
        None: {"items": [], "nextToken": "a"},
        "a": {"items": [{"jobID": f"drsjob-{number:017d}"} for number in range(3)], "nextToken": "b"},
        "b": {"nextToken": "c"},
        "c": {"items": [{"jobID": f"drsjob-{9:017d}"}]},
    }
    server = started.enter_context(scripted(lambda asked: reply(200, pages[asked.get("nextToken")])))
    assert [len(page) for page in at(server.url).job_pages()] == [0, 3, 0, 1]


def test_the_standard_variables_lead_to_drs(started: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    server = started.enter_context(scripted(lambda asked: reply(200, {"items": []})))
    monkeypatch.setenv("AWS_ENDPOINT_URL_DRS", server.url)
    read(AwsDrs(Endpoint(HOME, ACCOUNT)))
    assert [path for path, _ in server.asked] == ["/DescribeSourceServers"]


def test_a_site_on_the_simulator_asks_it_for_everything(started: ExitStack) -> None:
    drs = at(started.enter_context(serve(World("small"))))
    assert (drs.verify(), drs.quotas().source) == (ACCOUNT, "service-quotas")


def test_a_services_own_variable_says_more_than_the_sites_address(
    started: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World("small")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", started.enter_context(serve(world)))
    monkeypatch.setenv("AWS_ENDPOINT_URL_SERVICE_QUOTAS", f"http://127.0.0.1:{closed_port()}")
    server = started.enter_context(scripted(lambda asked: reply(200, {"items": []})))
    drs = at(server.url)
    read(drs)
    assert drs.verify() == ACCOUNT
    assert drs.quotas() == Quotas()
    assert len(server.asked) == 1


def test_quotas_of_a_machine_that_has_only_drs_are_asked_for_once(started: ExitStack) -> None:
    server = started.enter_context(scripted(lambda asked: reply(404, {"message": "no"})))
    drs = at(server.url)
    assert [drs.quotas(), drs.quotas()] == [Quotas(), Quotas()]
    assert len(server.asked) == 1
    drs._quotas = (0.0, Quotas())  # as if the memory had run out
    drs.quotas()
    assert len(server.asked) == 2


def test_a_failure_to_take_on_the_role_is_not_a_launch_of_unknown_outcome(started: ExitStack) -> None:
    refusal = b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"
    answers = {reply(503): errors.Unreachable, None: errors.Unreachable, reply(403, refusal): errors.Denied}
    for answer, kind in answers.items():
        server = started.enter_context(scripted(lambda asked, answer=answer: answer))
        failure = failure_of(launch, at(server.url, role_arn=ROLE))
        assert type(failure) is kind
        assert {path for path, _ in server.asked} == {"/"}


def test_a_session_is_renewed_before_it_expires(started: ExitStack) -> None:
    moment = datetime(2026, 3, 10, 8, tzinfo=UTC)
    with time_machine.travel(moment, tick=False) as clock:
        world = World("small")
        url = started.enter_context(serve(world))
        drs = AwsDrs(Endpoint("eu-west-1", OTHER_ACCOUNT, ROLE, "drsorch-demo", url))
        for _ in range(5):
            assert len(list(drs.source_servers())) == 3
            clock.shift(timedelta(minutes=51))
        # A role that is taken away shows itself at the next renewal.
        world.faults.add("access_denied", operation="AssumeRole")
        assert type(failure_of(read, drs)) is errors.Denied


def test_threads_share_one_client(monkeypatch: pytest.MonkeyPatch, started: ExitStack) -> None:
    url = started.enter_context(serve(World("small")))
    endpoint = Endpoint(HOME, ACCOUNT, endpoint_url=url)
    found: list[tuple[AwsDrs, int]] = []

    def look() -> None:
        drs = client_for(endpoint)
        found.append((drs, len(list(drs.source_servers()))))

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {count for _, count in found} == {7}
    assert {id(drs) for drs, _ in found} == {id(client_for(endpoint))}
    assert client_for(Endpoint("eu-west-1", ACCOUNT, endpoint_url=url)) is not found[0][0]
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    assert client_for(endpoint) is not found[0][0]
