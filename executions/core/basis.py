"""What a launch is decided on: what was shown to whoever requested or approved it, and what of that has changed since.

A document is plain JSON, and is kept by its SHA-256. Its `seen` covers what matters to the decision alone, so that it
stays the same while lags and ages move (ADR 0032).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from foundation.wording import count

Document = Mapping[str, Any]

#: A server that has a problem of its own is not told of twice.
_OF_A_SERVER = frozenset({"server_missing", "replication_reversed"})


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not as it was when the execution was requested, or last accepted as it is."""

    code: str
    sentence: str


def canonical(document: object) -> str:
    """The one text of a document: sorted keys, no blanks."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha256_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def seen_of(document: Document) -> str:
    """What whoever presses a button carries: it changes only with what the decision rests on."""
    return sha256_of(canonical(_essence(document)))


def differences(before: Document, now: Document) -> list[Difference]:
    """What of it has changed, each in a sentence. What has passed, such as a finding that is gone, is none."""
    return [
        *_of_plan(before["plan"], now["plan"]),
        *_of_members(before["members"], now["members"]),
        *(
            Difference(server["problem_code"], server["problem"])
            for key, server in _problems(now).items()
            if key not in _problems(before)
        ),
        *(
            Difference(finding["code"], finding["message"])
            for key, finding in _blocking(now).items()
            if key not in _blocking(before)
        ),
        *(
            Difference("live_recovery_instance", _at_stake_sentence(one))
            for name, one in _at_stake(now).items()
            if name not in _at_stake(before)
        ),
        *(Difference("not_asked", sentence) for sentence in now["not_asked"]),
    ]


def _of_plan(before: Document, now: Document) -> Iterable[Difference]:
    if now["current_revision"] != before["current_revision"]:
        yield Difference(
            "plan_changed",
            f"Plan {now['name']} was changed: it was at revision {before['current_revision']} and is now at revision "
            f"{now['current_revision']}. This execution runs revision {now['revision']}.",
        )
    if now["approvals_required"] > before["approvals_required"]:
        yield Difference(
            "approvals_raised",
            f"The plan now requires {count(now['approvals_required'], 'approval')} instead of "
            f"{before['approvals_required']}, and so does this execution.",
        )


def _of_members(before: Document, now: Document) -> Iterable[Difference]:
    for code, what in (
        ("joined", "was not in the plan when this was requested: it is not launched"),
        ("left", "is no longer in the plan's protection groups: it is launched all the same"),
    ):
        known = {_key(server) for server in before[code]}
        for server in now[code]:
            if _key(server) not in known:
                name = server["hostname"] or server["source_server_id"]
                yield Difference(f"server_{code}", f"{name} ({server['source_server_id']}) {what}.")


def _essence(document: Document) -> list[Any]:
    plan = document["plan"]
    return [
        document["kind"],
        [plan["id"], plan["revision"], plan["current_revision"], plan["approvals_required"]],
        [_key(server) for wave in document["waves"] for server in wave["servers"]],
        *(sorted(_key(server) for server in document["members"][moved]) for moved in ("joined", "left")),
        *(sorted(found(document)) for found in (_problems, _blocking, _at_stake)),
        sorted(document["not_asked"]),
    ]


def _key(server: Document) -> str:
    return f"{server['site']}/{server['source_server_id']}"


def _problems(document: Document) -> dict[str, Document]:
    return {
        f"{_key(server)}/{server['problem_code']}": server
        for wave in document["waves"]
        for server in wave["servers"]
        if server["problem_code"]
    }


def _blocking(document: Document) -> dict[str, Document]:
    return {
        f"{finding['code']}/{finding['subject']}": finding
        for finding in document["findings"]
        if finding["severity"] == "blocking" and finding["code"] not in _OF_A_SERVER
    }


def _at_stake(document: Document) -> dict[str, Document]:
    return {
        f"{one['source_server_id']}/{one['instance_id']}": one for one in document["instances"] if not one["is_drill"]
    }


def _at_stake_sentence(one: Document) -> str:
    name = one["instance_id"] or "an instance that DRS does not list"
    return (
        f"{one['hostname']} now has {name} of a real recovery, which a launch would delete: it is not launched unless "
        "that instance is named."
    )
