"""What is read out of a body that EventBridge, SNS or SQS delivers."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from executions.engine.polling.hints import MOST, Look, Subscription, heard
from foundation.errors import Invalid

TOPIC = "arn:aws:sns:eu-central-1:111122223333:drs"
CONFIRM = {
    "Type": "SubscriptionConfirmation", "TopicArn": TOPIC, "Token": "2336",
    "SubscribeURL": "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=2336",
}  # fmt: skip


def event(kind: str = "DRS Source Server Launch Result", **detail: Any) -> dict[str, Any]:
    return {"source": "aws.drs", "detail-type": kind, "account": "111122223333", "region": "eu-central-1",
            "time": "2026-11-28T08:00:00Z", "detail": {"job-id": "drsjob-1", **detail}}  # fmt: skip


def notification(message: object) -> dict[str, Any]:
    return {"Type": "Notification", "TopicArn": TOPIC, "Message": json.dumps(message)}


@pytest.mark.parametrize(
    ("kind", "detail", "looks"),
    [
        ("DRS Source Server Launch Result", {}, {Look.POLL}),
        ("DRS Source Server Data Replication Stalled Change", {"state": "STALLED"}, {Look.SYNC}),
        ("DRS Source Server Data Replication Stalled Change", {"state": "NOT_STALLED"}, {Look.SYNC}),
        ("DRS Recovery Instance Failback State Change", {"state": "FAILBACK_ERROR"}, {Look.SYNC}),
        ("AWS API Call via CloudTrail", {"eventName": "StartRecovery"}, {Look.POLL, Look.SYNC}),
        ("AWS API Call via CloudTrail", {"eventName": "TerminateRecoveryInstances"}, {Look.POLL, Look.SYNC}),
        ("AWS API Call via CloudTrail", {"eventName": "StartRecovery", "errorCode": "AccessDenied"}, set()),
        ("AWS API Call via CloudTrail", {"eventName": "DescribeJobs"}, set()),
        ("DRS PIT Snapshot Taken", {}, set()),
    ],
)
def test_each_kind_of_event_is_a_reason_for_something(kind: str, detail: dict[str, Any], looks: set[Look]) -> None:
    (found,) = heard(event(kind, **detail))
    assert found.looks == looks
    assert found.at == datetime(2026, 11, 28, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    "body",
    [
        event(),
        [event()],
        notification(event()),
        [notification(event())],
        {"Records": [{"Sns": notification(event())}]},
        {"Records": [{"body": json.dumps(event())}]},
        {"Records": [{"body": json.dumps(notification(event()))}]},
    ],
)
def test_an_event_is_the_same_in_whatever_envelope(body: object) -> None:
    (found,) = heard(body)
    assert (found.account, found.region, found.job_id) == ("111122223333", "eu-central-1", "drsjob-1")


def test_a_batch_has_all_of_its_events() -> None:
    assert [each.job_id for each in heard([event(), event(**{"job-id": "drsjob-2"})])] == ["drsjob-1", "drsjob-2"]
    with pytest.raises(Invalid, match=f"maximum is {MOST}"):
        heard([event()] * (MOST + 1))


@pytest.mark.parametrize("time", ["2026-11-28T08:00:00", "yesterday", None, 7])
def test_a_time_that_is_none_is_no_reason_to_refuse(time: object) -> None:
    (found,) = heard({**event(), "time": time})
    assert found.at is None


def test_the_request_of_a_topic_is_one() -> None:
    assert heard(CONFIRM) == [Subscription(TOPIC, CONFIRM["SubscribeURL"])]
    assert heard({"Type": "UnsubscribeConfirmation", "TopicArn": TOPIC}) == []


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-central-1.amazonaws.com/", "https://sns.eu-central-1.amazonaws.com.evil.example/",
        "https://sns.eu-central-1.amazonaws.com@evil.example/", "https://169.254.169.254/latest/", "https://sns/", "",
        "https://sns.eu-central-1.amazonaws.com:8443/", "https://user@sns.eu-central-1.amazonaws.com/",
        "https://evil.example?sns.eu-central-1.amazonaws.com", "https://evil.example\\\\sns.eu-central-1.amazonaws.com/",
    ],
)  # fmt: skip
def test_no_other_address_is_opened_to_confirm_a_subscription(url: str) -> None:
    with pytest.raises(Invalid, match="not an address of Amazon SNS"):
        heard({**CONFIRM, "SubscribeURL": url})


@pytest.mark.parametrize(
    ("body", "attr"),
    [
        ("text", ""), (None, ""), ([], ""), ([[event()]], "0"), ([event(), 7], "1"), ({}, "source"),
        ({**event(), "source": "aws.ec2"}, "source"), ({**event(), "detail": []}, "detail"),
        (notification({**event(), "source": "aws.ec2"}), "Message.source"),
        ({"Type": "Notification", "Message": "no JSON"}, "Message"),
        (notification(notification(notification(notification(event())))), "Message.Message.Message.source"),
        ({"Records": [{"Sns": 7}]}, "Records.0"), ({"Records": ["x"]}, "Records.0"),
        ({"Records": [{"body": "[" * 100_000}]}, "Records.0"),
    ],
)  # fmt: skip
def test_what_is_none_is_refused_where_it_stands(body: object, attr: str) -> None:
    with pytest.raises(Invalid) as refused:
        heard(body)
    assert refused.value.errors[0].attr == attr
