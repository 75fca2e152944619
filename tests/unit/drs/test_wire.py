"""Reading DRS's JSON: what real answers hold, what they lack, and anything else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drs import wire
from drs.port import Quotas
from drs.simulator.operations import render

NOON = datetime(2022, 12, 7, 12, 0, tzinfo=UTC)
SERVER = "s-12345678901234567"

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2022-12-07T19:15:38.846723+00:00", datetime(2022, 12, 7, 19, 15, 38, 846723, tzinfo=UTC)),
        ("2024-06-15T15:00:00.000Z", datetime(2024, 6, 15, 15, tzinfo=UTC)),
        ("2024-06-15T15:00:00Z", datetime(2024, 6, 15, 15, tzinfo=UTC)),
        ("2024-06-15T17:00:00+02:00", datetime(2024, 6, 15, 15, tzinfo=UTC)),
        ("2024-06-15T15:00:00", datetime(2024, 6, 15, 15, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", None),
        ("yesterday", None),
        ("", None),
        (None, None),
        (1700000000, None),
    ],
)
def test_both_date_forms(text: object, moment: datetime | None) -> None:
    assert wire.instant(text) == moment


@given(st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)))
def test_every_moment_survives_the_way_out_and_back(moment: datetime) -> None:
    text = wire.to_wire(moment)
    assert text.endswith("Z")
    assert wire.instant(text) == moment


def test_a_filter_is_sent_in_utc() -> None:
    assert wire.to_wire(NOON.astimezone(timezone(timedelta(hours=5)))) == "2022-12-07T12:00:00.000000Z"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("P0D", 0),
        ("PT11M", 660),
        ("P2DT1H32M12.136909S", 178332.136909),
        ("PT0S", 0),
        ("P1W", 604800),
        ("PT1,5S", 1.5),
        ("P1Y", 31536000),
        ("P", None),
        ("PT", None),
        ("-PT5M", None),
        ("P1DT", 86400),
        ("11 minutes", None),
        ("P" + "9" * 400 + "D", None),
        (None, None),
        (660, None),
    ],
)
def test_durations_in_seconds(text: object, seconds: float | None) -> None:
    assert wire.seconds(text) == seconds


@given(st.timedeltas(timedelta(), timedelta(days=4000)))
def test_every_duration_of_the_simulator_is_read(span: timedelta) -> None:
    assert wire.seconds(render.duration(span)) == pytest.approx(span.total_seconds(), abs=1e-6)


@given(st.text())
def test_no_text_breaks_dates_and_durations(text: str) -> None:
    moment, span = wire.instant(text), wire.seconds(text)
    assert moment is None or moment.tzinfo is UTC
    assert span is None or span >= 0


def test_a_server_of_which_only_the_id_is_known() -> None:
    server = wire.source_server({"sourceServerID": SERVER})
    assert server.source_server_id == SERVER
    assert (server.hostname, server.tags, server.lag_seconds, server.recovery_instance_id) == ("", {}, None, None)
    assert (server.cpu_cores, server.ram_bytes, server.disk_bytes, server.last_launch_at) == (0, 0, 0, None)


def test_a_server_is_read_from_every_corner_of_its_record() -> None:
    server = wire.source_server({
        "sourceServerID": SERVER,
        "arn": "arn:aws:drs:eu-west-1:111122223333:source-server/" + SERVER,
        "recoveryInstanceId": "i-0123456789abcdef0",
        "dataReplicationInfo": {
            "dataReplicationState": "STALLED", "lagDuration": "PT11M",
            "dataReplicationError": {"error": "AGENT_NOT_SEEN", "rawError": "last seen on Monday"},
        },
        "lifeCycle": {
            "lastSeenByServiceDateTime": "2022-12-07T12:00:00.000Z",
            "lastLaunch": {
                "status": "LAUNCHED",
                "initiated": {"jobID": "drsjob-12345678901234567", "apiCallDateTime": "2022-12-07T12:00:00+00:00"},
            },
        },
        "sourceProperties": {
            "identificationHints": {"fqdn": "db.example.internal"}, "ramBytes": 8,
            "cpus": [{"cores": 2}, {"cores": 2}, {"modelName": "x"}], "disks": [{"bytes": 5}, {"bytes": 7}],
            "os": {"fullString": "Debian"},
        },
        "stagingArea": {"stagingAccountID": "222233334444"},
        "usageOperationData": {"not": "in the model"},
    })  # fmt: skip
    assert (server.hostname, server.fqdn, server.os) == ("db.example.internal", "db.example.internal", "Debian")
    assert (server.replication_state, server.lag_seconds) == ("STALLED", 660)
    assert server.replication_error == "AGENT_NOT_SEEN: last seen on Monday"
    assert (server.cpu_cores, server.disk_bytes, server.ram_bytes) == (4, 12, 8)
    assert (server.last_launch_status, server.last_launch_job_id) == ("LAUNCHED", "drsjob-12345678901234567")
    assert server.last_launch_at == NOON
    assert (server.recovery_instance_id, server.staging_account_id) == ("i-0123456789abcdef0", "222233334444")


def test_a_server_that_was_never_launched_says_so() -> None:
    assert wire.source_server({"sourceServerID": SERVER, "lastLaunchResult": "NOT_STARTED"}).last_launch_status == (
        "NOT_STARTED"
    )


def test_values_that_no_model_lists_are_kept() -> None:
    job = wire.job({
        "jobID": "j", "type": "DANCE", "status": "FINALIZING", "initiatedBy": "ROBOT",
        "participatingServers": [{"sourceServerID": SERVER, "launchStatus": "WARMING_UP"}, {"launchStatus": "FAILED"}],
    })  # fmt: skip
    assert (job.type, job.status, job.initiated_by, job.finished) == ("DANCE", "FINALIZING", "ROBOT", False)
    assert [(server.source_server_id, server.launch_status) for server in job.servers] == [(SERVER, "WARMING_UP")]


def test_a_finished_termination_may_name_no_servers() -> None:
    job = wire.job({"jobID": "j", "type": "TERMINATE", "status": "COMPLETED", "endDateTime": "2022-12-07T12:00:00Z"})
    assert (job.finished, job.servers, job.ended_at) == (True, (), NOON)


def log(*entries: tuple[str | None, str]) -> list[dict[str, Any]]:
    return [{"event": event, **({"logDateTime": at} if at else {})} for at, event in entries]


def test_a_log_comes_oldest_first_whichever_way_it_was_sent() -> None:
    first, second = "2022-12-07T12:00:00+00:00", "2022-12-07T12:00:01+00:00"
    events = ["JOB_START", "SNAPSHOT_START", "LAUNCH_END"]
    forwards = log((first, events[0]), (first, events[1]), (second, events[2]))
    assert [item.event for item in wire.job_log(forwards)] == events
    assert [item.event for item in wire.job_log(forwards[::-1])] == events


def test_a_log_item_without_a_time_stays_beside_its_neighbour() -> None:
    first, second = "2022-12-07T12:00:00+00:00", "2022-12-07T12:00:01+00:00"
    entries = log((first, "a"), (None, "b"), (second, "c"))
    assert [item.event for item in wire.job_log(entries)] == ["a", "b", "c"]
    assert wire.job_log([]) == ()


def test_a_log_item_is_read_whole() -> None:
    (item,) = wire.job_log([{
        "logDateTime": "2022-12-07T12:00:00+00:00", "event": "LAUNCH_END",
        "eventData": {
            "sourceServerID": SERVER, "targetInstanceID": "i-1", "rawError": "e",
        },
    }])  # fmt: skip
    assert (item.at, item.event, item.source_server_id) == (NOON, "LAUNCH_END", SERVER)
    assert (item.target_instance_id, item.raw_error) == ("i-1", "e")


def test_an_instance_without_its_flag_is_taken_for_a_real_recovery() -> None:
    """The guard that keeps a drill from deleting a recovery instance must err on the safe side."""
    assert wire.recovery_instance({"recoveryInstanceID": "i-1"}).is_drill is False
    assert wire.recovery_instance({"ec2InstanceID": "i-1", "isDrill": True}).is_drill is True


def test_an_instances_addresses() -> None:
    interfaces = [{"ips": ["10.0.0.1", "10.0.0.2"]}, {"macAddress": "x"}, {"ips": ["10.0.1.1", 7]}]
    instance = wire.recovery_instance({
        "recoveryInstanceID": "i-1", "recoveryInstanceProperties": {"networkInterfaces": interfaces},
        "pointInTimeSnapshotDateTime": "2022-12-07T12:00:00Z", "ec2InstanceState": "SHUTTING-DOWN",
    })  # fmt: skip
    assert instance.private_ips == ("10.0.0.1", "10.0.0.2", "10.0.1.1")
    assert (instance.point_in_time, instance.ec2_state) == (NOON, "SHUTTING-DOWN")


def test_a_snapshot_is_of_its_own_time_or_else_the_expected_one() -> None:
    named = {"snapshotID": "pit-1", "sourceServerID": SERVER, "expectedTimestamp": "2022-12-07T12:00:00Z"}
    assert wire.recovery_snapshot(named).taken_at == NOON
    later = wire.recovery_snapshot({**named, "timestamp": "2022-12-07T12:00:05Z"})
    assert (later.taken_at, later.expected_at) == (NOON + timedelta(seconds=5), NOON)


@pytest.mark.parametrize(
    ("read", "record"),
    [
        (wire.source_server, {"arn": "x"}),
        (wire.source_server, {"sourceServerID": ""}),
        (wire.source_server, "not an object"),
        (wire.job, {}),
        (wire.job_of_answer, {}),
        (wire.job_of_answer, {"job": [1]}),
        (wire.recovery_instance, {"sourceServerID": SERVER}),
        (wire.recovery_snapshot, {"snapshotID": "pit-1", "sourceServerID": SERVER}),
        (wire.recovery_snapshot, {"snapshotID": "pit-1", "expectedTimestamp": "2022-12-07T12:00:00Z"}),
    ],
)  # fmt: skip
def test_a_record_that_cannot_be_told_from_another_is_refused(read: Any, record: Any) -> None:
    with pytest.raises(wire.MalformedAnswer, match=r"^DRS.*\.$"):
        read(record)


@given(st.dictionaries(
    st.sampled_from([
        "arn", "tags", "recoveryInstanceId", "dataReplicationInfo", "lifeCycle", "sourceProperties", "stagingArea",
        "participatingServers", "creationDateTime", "status", "recoveryInstanceProperties", "eventData", "isDrill",
    ]),
    json_values,
))  # fmt: skip
def test_nothing_but_a_missing_id_is_refused(record: dict[str, Any]) -> None:
    assert wire.source_server({**record, "sourceServerID": SERVER}).source_server_id == SERVER
    assert wire.job({**record, "jobID": "j"}).job_id == "j"
    assert wire.recovery_instance({**record, "recoveryInstanceID": "i-1"}).recovery_instance_id == "i-1"
    assert len(wire.job_log([record])) == 1


@given(st.lists(json_values, max_size=4), json_values)
def test_entries_that_are_no_records_are_left_out(entries: list[Any], value: Any) -> None:
    assert len(wire.job_log(entries)) == sum(isinstance(entry, dict) for entry in entries)
    assert wire.quotas([*entries, {"QuotaCode": "L-D88FAC3A", "Value": value}]).concurrent_jobs >= 1


def test_quotas_that_are_not_named_keep_their_defaults() -> None:
    found = wire.quotas([{"QuotaCode": "L-05AFA8C6", "Value": 900.0}, {"QuotaCode": "L-OTHER", "Value": 1.0}])
    assert found == Quotas(servers_in_jobs=900, source="service-quotas")
    assert wire.quotas([{"QuotaCode": "L-D88FAC3A"}, {"QuotaCode": "L-B827C881", "Value": 0}]) == Quotas()
