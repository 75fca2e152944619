"""What EventBridge, SNS or a batch of either says, and what drsorch should look at because of it (docs/drs.md 9).

Nothing is believed: an event is a reason to ask DRS sooner.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from foundation.errors import FieldError, Invalid
from foundation.wording import short


class Look(StrEnum):
    """What an event is a reason for."""

    #: Ask DRS for the jobs.
    POLL = "poll"
    #: Ask DRS for the servers.
    SYNC = "sync"


SOURCE: Final = "aws.drs"
#: A message of SQS or SNS, or a call of EventBridge Pipes, has fewer.
MOST: Final = 500

#: By its detail-type.
_LOOKS: Final = {
    "DRS Source Server Launch Result": frozenset({Look.POLL}),
    "DRS Source Server Data Replication Stalled Change": frozenset({Look.SYNC}),
    "DRS Recovery Instance Failback State Change": frozenset({Look.SYNC}),
}
#: Where a trail records management events: a call that somebody made.
_CALL: Final = "AWS API Call via CloudTrail"
#: Calls that change what jobs there are, and so how many more DRS takes.
_JOBS: Final = frozenset({"StartRecovery", "TerminateRecoveryInstances"})
_REQUIRED: Final = ("source", "detail-type", "account", "region")
_SNS_HOST: Final = re.compile(r"sns\.[a-z0-9-]+\.amazonaws\.com(\.cn)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Heard:
    """One event."""

    account: str
    region: str
    kind: str
    looks: frozenset[Look]
    #: The job that may have moved; empty if it names none.
    job_id: str
    #: When it happened, as AWS says; None if that cannot be read.
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Subscription:
    """SNS asks whether it may deliver here: whoever opens `url` says yes."""

    topic: str
    url: str


def heard(body: object) -> list[Heard | Subscription]:
    """Everything in a body: an event, an envelope of SNS or SQS with one inside, a list of these.

    Raises `Invalid`, naming what is wrong where; then nothing of it is used.
    """
    errors: list[FieldError] = []
    found = list(_events(body, "", errors))
    if errors:
        raise Invalid.of(errors)
    if len(found) > MOST:
        raise Invalid(f"There are {len(found)} events in one request; the maximum is {MOST}.")
    return found


def _events(body: object, attr: str, errors: list[FieldError], depth: int = 0) -> Iterator[Heard | Subscription]:
    match body:
        case list() if depth == 0 and body:
            for number, each in enumerate(body):
                yield from _events(each, f"{attr}{number}", errors, depth + 1)
        case {"Records": list() as records}:
            for number, record in enumerate(records):
                inside = record.get("Sns", record.get("body")) if isinstance(record, Mapping) else record
                yield from _events(_read(inside), _path(attr, f"Records.{number}"), errors, depth + 1)
        case {"Type": "SubscriptionConfirmation", "TopicArn": str(topic), "SubscribeURL": str(url)}:
            if _is_of_sns(url):
                yield Subscription(topic, url)
            else:
                sentence = f"“{short(url, 100)}” is not an address of Amazon SNS, so it is not confirmed."
                errors.append(FieldError(_path(attr, "SubscribeURL"), sentence))
        case {"Type": "UnsubscribeConfirmation", "TopicArn": str()}:
            return
        case {"Type": "Notification", "Message": str(message)} if depth < 3:  # SQS, SNS, the event
            yield from _events(_read(message), _path(attr, "Message"), errors, depth + 1)
        case Mapping():
            if (event := _event(body, attr, errors)) is not None:
                yield event
        case _:
            errors.append(FieldError(attr, "An EventBridge event must be a JSON object.", "not_an_object"))


def _event(event: Mapping[Any, Any], attr: str, errors: list[FieldError]) -> Heard | None:
    wrong = [
        FieldError(_path(attr, name), f"The event must have a text “{name}”.", "required")
        for name in _REQUIRED
        if not isinstance(event.get(name), str)
    ]
    if not wrong and event["source"] != SOURCE:
        sentence = f"Only events from {SOURCE} are accepted, not from {short(event['source'], 60)}."
        wrong = [FieldError(_path(attr, "source"), sentence)]
    detail = event.get("detail", {})
    if not isinstance(detail, Mapping):
        wrong.append(FieldError(_path(attr, "detail"), "“detail” must be an object."))
    if wrong:
        errors += wrong
        return None
    job_id = detail.get("job-id")
    return Heard(
        account=event["account"],
        region=event["region"],
        kind=event["detail-type"],
        looks=_looks(event["detail-type"], detail),
        job_id=job_id if isinstance(job_id, str) else "",
        at=_moment(event.get("time")),
    )


def _looks(kind: str, detail: Mapping[Any, Any]) -> frozenset[Look]:
    if kind == _CALL and detail.get("eventName") in _JOBS and not detail.get("errorCode"):
        # Ours as well: then the poll that is due anyway comes sooner.
        return frozenset(Look)
    return _LOOKS.get(kind, frozenset())


def _read(text: object) -> object:
    """What the text holds as JSON; the text itself if it is none, which is then refused."""
    if not isinstance(text, str):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return None if moment is None or moment.tzinfo is None else moment.astimezone(UTC)


def _is_of_sns(url: str) -> bool:
    scheme, _, rest = url.partition("://")
    return scheme == "https" and _SNS_HOST.fullmatch(rest.partition("/")[0].partition("?")[0]) is not None


def _path(attr: str, name: str) -> str:
    return f"{attr}.{name}" if attr else name
