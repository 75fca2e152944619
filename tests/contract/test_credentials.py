"""A process that lives for months: its credentials are renewed behind its back, or taken away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drs import aws, calls, errors, failures
from drs.aws import AwsDrs
from drs.calls import Call
from drs.identity import Caller, calling_for
from drs.port import Endpoint, LaunchTarget
from drs.simulator import scenarios
from drs.simulator.testing import serve
from drs.simulator.world import World
from drs.timing import to_go_out_by
from tests.logs import logged

ACCOUNT, REGION = "111122223333", "eu-central-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/drsorch"
OLD, NEW = "AKIADRSORCHOLDKEY000", "AKIADRSORCHNEWKEY000"
SCENARIO = {
    "accounts": [
        {
            "account_id": ACCOUNT,
            "access_keys": [OLD, NEW],
            "roles": [{"name": "drsorch", "external_id": "demo"}],
            "regions": [{"region": REGION, "servers": [{"hostname": "db-{n}", "count": 1}]}],
        }
    ]
}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A shared credentials file, and nothing else to take credentials from."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    return tmp_path / "credentials"


def write(file: Path, key: str) -> None:
    file.write_text(f"[default]\naws_access_key_id = {key}\naws_secret_access_key = secret\n")


@pytest.fixture
def world() -> World:
    return World(scenarios.parse(SCENARIO, "two keys"))


@pytest.fixture
def url(world: World) -> Iterator[str]:
    with serve(world) as address:
        yield address


def read(drs: AwsDrs) -> None:
    assert len(list(drs.source_servers())) == 1


def launch(drs: AwsDrs) -> None:
    [server] = drs.source_servers()
    drs.start_recovery([LaunchTarget(server.source_server_id)], is_drill=True, tags={})


Asking = Callable[[AwsDrs], None]
both = pytest.mark.parametrize("call", [read, launch])


def jobs(world: World) -> int:
    return sum(call.operation == "StartRecovery" and call.accepted for call in world.calls)


@pytest.mark.parametrize("code", sorted(failures.CREDENTIALS_CODES))
def test_a_renewed_credentials_file_is_read_when_the_old_key_is_refused(
    file: Path, world: World, url: str, code: str
) -> None:
    write(file, OLD)
    drs = AwsDrs(Endpoint(REGION, ACCOUNT, endpoint_url=url))
    read(drs)
    world.faults.add("expired_credentials", access_key=OLD, code=code)
    write(file, NEW)

    read(drs)
    launch(drs)

    assert jobs(world) == 1
    assert drs.verify() == ACCOUNT


def test_a_credentials_file_that_comes_later_is_read(file: Path, url: str) -> None:
    drs = AwsDrs(Endpoint(REGION, ACCOUNT, endpoint_url=url))
    with pytest.raises(errors.Denied, match="no usable AWS credentials"):
        read(drs)
    write(file, NEW)
    read(drs)


@both
def test_keys_that_nobody_has_renewed_are_not_tried_again(file: Path, world: World, url: str, call: Asking) -> None:
    write(file, OLD)
    fault = world.faults.add("expired_credentials")
    drs = AwsDrs(Endpoint(REGION, ACCOUNT, endpoint_url=url))
    with pytest.raises(errors.Denied, match="has expired"):
        call(drs)
    assert fault.struck == 1


@both
@pytest.mark.parametrize("code", ["ExpiredTokenException", "UnrecognizedClientException"])
def test_a_role_is_assumed_again_when_its_session_has_ended_early(
    file: Path, world: World, url: str, call: Asking, code: str
) -> None:
    write(file, OLD)
    drs = AwsDrs(Endpoint(REGION, ACCOUNT, ROLE, "demo", url))
    read(drs)
    world.faults.add("expired_credentials", count=1, code=code)

    call(drs)


def test_a_role_is_assumed_again_when_its_own_keys_were_renewed(file: Path, world: World, url: str) -> None:
    """The role's session is over, and the key that it was assumed with as well."""
    write(file, OLD)
    drs = AwsDrs(Endpoint(REGION, ACCOUNT, ROLE, "demo", url))
    read(drs)
    write(file, NEW)
    world.faults.add("expired_credentials", access_key=OLD)
    world.faults.add("expired_credentials", count=1)

    read(drs)


@both
def test_a_role_whose_sessions_were_revoked_is_assumed_again(
    file: Path, world: World, url: str, call: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """IAM revokes sessions by denying everything to those that began before."""
    write(file, OLD)
    drs = AwsDrs(Endpoint(REGION, ACCOUNT, ROLE, "demo", url))
    read(drs)
    monkeypatch.setattr(aws, "ROLE_IS_FRESH", -1)
    world.faults.add("access_denied", count=1)

    call(drs)


def test_a_fresh_session_that_is_denied_something_lacks_the_permission(file: Path, world: World, url: str) -> None:
    write(file, OLD)
    drs = AwsDrs(Endpoint(REGION, ACCOUNT, ROLE, "demo", url))
    read(drs)
    fault = world.faults.add("access_denied")
    with pytest.raises(errors.Denied):
        read(drs)
    assert fault.struck == 1


def test_a_launch_that_waited_too_long_for_its_credentials_does_not_go_out(file: Path, world: World, url: str) -> None:
    """Others count on it: they give the launch up, and make another."""
    write(file, OLD)
    [server] = world.region(ACCOUNT, REGION).servers
    drs = AwsDrs(Endpoint(REGION, ACCOUNT, ROLE, "demo", url))
    read(drs)

    with to_go_out_by(datetime.now(UTC)), pytest.raises(errors.Unreachable, match="was not sent"):
        drs.start_recovery([LaunchTarget(server)], is_drill=True, tags={})
    assert "StartRecovery" not in {call.operation for call in world.calls}

    with to_go_out_by(datetime.now(UTC) + timedelta(hours=1)):
        drs.start_recovery([LaunchTarget(server)], is_drill=True, tags={})
    assert jobs(world) == 1


# --- whose doing it is --------------------------------------------------------------------------------------------

DANA = Caller("dana", "7a0c6b1e-7d1f-4a4e-9d1c-3f1f6f6f9a10")


def named(world: World) -> list[tuple[str, str]]:
    """The name and the source identity of each session, in the order in which they were begun."""
    return [(one.arn.rpartition("/")[2], one.source_identity) for one in world.accounts.sessions]


def test_each_caller_has_a_session_of_its_own_and_keeps_it(file: Path, world: World, url: str) -> None:
    write(file, OLD)
    drs = AwsDrs(Endpoint(REGION, ACCOUNT, ROLE, "demo", url))
    for _ in range(2):
        read(drs)
        with calling_for(DANA):
            read(drs)
    assert named(world) == [("drsorch", "drsorch"), (DANA.session_name, DANA.source_identity)]


def test_sessions_are_kept_in_bounds(file: Path, world: World, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write(file, OLD)
    monkeypatch.setattr(aws, "SESSIONS_KEPT", 2)
    drs = AwsDrs(Endpoint(REGION, ACCOUNT, ROLE, "demo", url))
    for person in ("dana", "omar", "dana", "petra", "dana", "omar"):
        with calling_for(Caller(person)):
            read(drs)
    assert [identity for _, identity in named(world)] == ["dana", "omar", "petra", "omar"]


def test_a_trust_policy_that_lets_nobody_be_named_is_asked_once_an_hour(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = {
        **SCENARIO["accounts"][0],
        "roles": [{"name": "drsorch", "external_id": "demo", "source_identity": False}],
    }
    world = World(scenarios.parse({"accounts": [scenario]}, "an older trust policy"))
    write(file, OLD)
    asked: list[Call] = []
    monkeypatch.setattr(calls, "OBSERVERS", [asked.append])
    with serve(world) as url:
        drs = AwsDrs(Endpoint(REGION, ACCOUNT, ROLE, "demo", url))
        for person in ("dana", "omar", "petra"):
            with calling_for(Caller(person)):
                read(drs)
        assert named(world) == [("drsorch-dana", ""), ("drsorch-omar", ""), ("drsorch-petra", "")]
        outcomes = [call.outcome for call in asked if call.operation == "AssumeRole"]
        assert outcomes == ["DoneWithout", "ok", "ok", "ok"]
        monkeypatch.setattr(drs._naming, "_until", 0.0)
        with calling_for(Caller("ravi")):
            read(drs)
    assert [call.outcome for call in asked if call.operation == "AssumeRole"][4:] == ["DoneWithout", "ok"]


def test_a_role_that_nobody_may_assume_says_so_whatever_the_session_is_called(file: Path, url: str) -> None:
    write(file, OLD)
    drs = AwsDrs(Endpoint(REGION, ACCOUNT, ROLE, "another external id", url))
    with calling_for(DANA), pytest.raises(errors.Denied, match="refused to let drsorch assume the role"):
        read(drs)


def test_a_call_that_the_sdk_repeats_is_one_line_and_one_for_each_repetition(
    file: Path, world: World, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(file, OLD)
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda self, context: 0.0)
    drs = AwsDrs(Endpoint(REGION, ACCOUNT, endpoint_url=url))
    world.faults.add("throttle", operation="DescribeSourceServers", count=2)
    with logged() as lines:
        read(drs)
        world.faults.add("throttle", operation="DescribeSourceServers")
        with pytest.raises(errors.Throttled) as refused:
            read(drs)
    good, bad = lines.all("aws_call")
    assert (good["outcome"], good["attempt"], good["code"], good["level"]) == ("ok", 3, None, "info")
    assert (bad["outcome"], bad["attempt"], bad["level"]) == ("Throttled", 3, "warning")
    assert bad["code"] == "ThrottlingException"
    assert bad["aws_request_id"] == refused.value.aws_request_id != ""
    before = [line["before"] for line in lines.all("aws_call_repeated")]
    assert len(before) == 4
    assert {one["code"] for one in before} == {"ThrottlingException"}
    assert len({one["aws_request_id"] for one in before}) == 4
    assert [line["attempt"] for line in lines.all("aws_call_repeated")] == [2, 3, 2, 3]


def test_a_counter_that_fails_stops_no_call(file: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(call: Call) -> None:
        raise OSError("the disk is full")

    write(file, OLD)
    monkeypatch.setattr(calls, "OBSERVERS", [fail])
    with logged() as lines:
        read(AwsDrs(Endpoint(REGION, ACCOUNT, endpoint_url=url)))
    assert lines.one("aws_call_not_counted")["level"] == "error"


def test_awss_clock_is_known_from_its_last_answer(file: Path, url: str) -> None:
    write(file, OLD)
    read(AwsDrs(Endpoint(REGION, ACCOUNT, endpoint_url=url)))
    assert abs(calls.skew_seconds(ACCOUNT, REGION) or 99) < 60
    calls.note_time(ACCOUNT, REGION, "nonsense")
    calls.note_time(ACCOUNT, REGION, None)
    assert abs(calls.skew_seconds(ACCOUNT, REGION) or 99) < 60
    assert calls.skew_seconds(ACCOUNT, "nowhere") is None
