"""Whatever is sent to whichever operation: refused in a sentence, never a 500, never half a write.

The tables are made from the addresses of the API, so that what is new is in them. Each database sees every name and
every value; the long tables are tried partly on the one, partly on the other. What is refused before a database sees it
is tried once.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from tests.database import odd_ones
from tests.integration.api.operations import Operation, World, operations

OPERATIONS = operations()
WITH_BODY = [one for one in OPERATIONS if one.verb in {"post", "put", "patch"}]

#: Bodies that no operation takes, as text.
ODD_BODIES = (
    "[]", "[[]]", "[{}]", '""', '"text"', "0", "1", "-1.5", "null", "true", "false",
    "{", "}", "nonsense", "\ufeff{}", "{'a': 1}", '{"a": 1,}', '{"a": NaN}', '{"a": Infinity}', '{"a": 1e999}',
    '{"a": ' + "9" * 5000 + "}", '{"name": "x", "name": "y"}', '{"a": {"b": 1, "b": 1}}',
    '{"a": "\\u0000"}', '{"a": "\\ud800"}', '{"a\\u0000": 1}',
    "[" * 40 + "]" * 40, "[" * 100_000 + "]" * 100_000, '{"a":' * 40 + "1" + "}" * 40, '{"a":' * 50_000,
)  # fmt: skip
BYTES = (b"\xff\xfe", b'{"a": "\xff"}', b"\x00", "{}".encode("utf-16"))
#: Values in the place of any member.
ODD_VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 10**30, 1.5, "", "x", "60", "\n", "a" * 20_000, [], [None], [[]], [{}], {}, {"": ""},
    {"x": {"y": [{}]}}, "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "٣", "\u202e", "..",
)  # fmt: skip
#: Names in an address, percent-encoded as on the wire.
ODD_NAMES = (
    "%00", "a%00b", "%FF", "%C3%28", "%ED%A0%80", "..", ".", "%2E%2E", "%20", "%0A", "%E2%80%AE", "9" * 20,
    "9223372036854775808", "-1", "0", "1e3", "%D9%A3", "null", "None", "[]", "a" * 2000, "0000-", "%25", "%3F", "%23",
    "*", "'", "%22", "<b>",
)  # fmt: skip

UNKNOWN_QUERIES = (
    "dry_run=true", "serach=x", "limit=1", "format=xml", "%00=1", "__class__=1", "pk=1", "offset=1",
    "name__icontains=x",
)  # fmt: skip
#: What somebody may write behind any filter.
ODD_QUERIES = (
    "", "\0", "\ud800", "x", "-1", "0", "1.5", "1e400", "-1e400", "NaN", "Infinity", "9" * 20, "9" * 400,
    "9223372036854775807", "9223372036854775808", "-9223372036854775809", "٣", "1_0", "true", "True", "null", "[]",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
    "2026-02-30T00:00:00Z", "2026-11-23T14:30:00", "2026-11-23", "2026-11-23T14:30:00Z", "24:00", "a:b", ":", "%", "_",
    "\\", "'", '"', "\u202e", "a" * 5000, "-", "--name", "name,,name", "pk", "?",
)  # fmt: skip

COMMENT = {"comment": "x"}
PART = {"wave": "App", "servers": [], "step": "x", "comment": "x"}
STEP = {"name": "Check", "when": "before", "kind": "http_check", "timeout_seconds": 60, "on_failure": "stop",
        "parameters": {"url": "https://shop.example.com/", "expect_status": 200}}  # fmt: skip
WAVE = {"name": "App", "depends_on": [], "protection_groups": ["shop-app"], "minimum_success_percent": 50,
        "on_failure": "stop", "start_delay_seconds": 0, "launch_timeout_seconds": 60, "steps": [STEP]}  # fmt: skip
PLAN = {"name": "New", "description": "", "rto_target_seconds": 60, "rpo_target_seconds": 60, "approvals_required": 1,
        "waves": [WAVE]}  # fmt: skip
SITE = {"name": "New", "account_id": "999922223333", "region": "eu-west-1", "role_arn": "", "external_id": "",
        "endpoint_url": "", "job_tags": True}  # fmt: skip
GROUP = {"name": "New", "description": "", "site": "Frankfurt", "servers": [], "tag_selector": {"App": ["x"]}}
START = {"plan": "Web shop", "kind": "drill", "reason": "x", "point_in_time": None, "confirm": "x",
         "cleanup_after_seconds": 60, "break_glass": False, "replace_instances": ["i-x"]}  # fmt: skip
#: A whole body of each operation that takes more than a comment, or none, by the name of its address.
BODIES: dict[str, dict[str, Any]] = {
    "site-list": SITE, "site-detail": SITE, "site-sync": {}, "protection-group-list": GROUP,
    "protection-group-detail": GROUP, "plan-list": PLAN, "plan-detail": PLAN, "plan-readiness": {},
    "execution-list": START, "token-list": {"name": "x", "expires_in_seconds": 60},
    "events-drs": {"source": "aws.drs", "detail-type": "DRS Source Server Launch Result", "account": "111122223333",
                   "region": "eu-central-1", "detail": {"job-id": "x"}},
    "execution-retry": {**PART, "point_in_time": None}, "execution-skip": PART,
}  # fmt: skip


def refused(response: Any, what: str) -> None:
    assert 400 <= response.status_code < 500, f"{what}: {response.status_code}"
    assert response.headers["Content-Type"] == "application/problem+json", what
    assert response.json()["detail"].strip(), what


def mutants(body: Any, *, deep: bool) -> Any:
    """The body with an odd value in the place of each of its members in turn, and with one member more."""
    if isinstance(body, dict):
        yield {**body, "no_such_member": 1}
        for key, value in body.items():
            yield from ({**body, key: odd} for odd in ODD_VALUES)
            yield from ({**body, key: deeper} for deeper in (mutants(value, deep=True) if deep else ()))
            yield {name: other for name, other in body.items() if name != key}
    elif isinstance(body, list):
        yield from ([*body, odd] for odd in ODD_VALUES)
        for position, value in enumerate(body):
            yield from ([*body[:position], deeper, *body[position + 1 :]] for deeper in mutants(value, deep=deep))


def test_every_body_of_the_table_is_one_of_an_operation() -> None:
    assert set(BODIES) <= {one.address for one in WITH_BODY}


def sent(client: Any, there: Operation, body: str | bytes, query: str = "") -> Any:
    return client.generic(there.verb.upper(), there.address + query, body, content_type="application/json")


@pytest.mark.any_database
def test_a_body_of_another_shape_is_refused(client: Any, world: World) -> None:
    before = world.versions()
    for operation in WITH_BODY:
        there = world.at(operation)
        for text in (*(body.encode() for body in ODD_BODIES), *BYTES):
            refused(sent(client, there, text), f"{operation} {text[:40]!r}")
    assert world.versions() == before


def test_no_value_of_a_member_is_too_odd_for_a_sentence(client: Any, world: World, both_databases: bool) -> None:
    for operation in WITH_BODY:
        there, before = world.at(operation), world.versions()
        odd = list(mutants(BODIES.get(operation.address, COMMENT), deep=operation.verb == "post"))
        # PUT and PATCH of one address share what reads the body, and so they share the bodies.
        share = {"put": slice(0, None, 2), "patch": slice(1, None, 2)}.get(operation.verb, slice(None))
        for number, body in enumerate(odd_ones(odd[share], every=both_databases)):
            response = sent(client, there, json.dumps(body))
            if response.status_code < 300:
                before = world.versions()
                continue
            refused(response, f"{operation} {str(body)[:300]}")
            assert number % 20 or world.versions() == before, f"{operation} {str(body)[:300]}"
        assert world.versions() == before, operation


@pytest.mark.any_database
def test_who_takes_no_body_refuses_one_with_members(client: Any, world: World) -> None:
    before = world.versions()
    for operation in OPERATIONS:
        if operation.verb in {"get", "delete"} or operation.action in operation.view.without_body:
            for text in ('{"dry_run": true}', "[1]", "nonsense"):
                refused(sent(client, world.at(operation), text), f"{operation} {text}")
    assert world.versions() == before


@pytest.mark.any_database
def test_an_unknown_query_parameter_is_refused_by_name_with_those_known(client: Any, world: World) -> None:
    before = world.versions()
    for operation, query in itertools.product(OPERATIONS, UNKNOWN_QUERIES):
        response = sent(client, world.at(operation), "{}", f"?{query}")
        refused(response, f"{operation} {query}")
        assert response.json()["errors"][0]["code"] == "unknown", f"{operation} {query}"
        assert "nown here" in response.json()["detail"]
    assert world.versions() == before


@pytest.mark.any_database
def test_what_an_address_takes_is_said_in_json_whatever_format_is_asked_for(client: Any, world: World) -> None:
    """OPTIONS has neither rows for a CSV nor pages for a PDF."""
    asked = [{"HTTP_ACCEPT": accept} for accept in ("text/csv", "application/pdf", "application/yaml", "text/html")]
    asked += [{"QUERY_STRING": f"format={name}"} for name in ("csv", "pdf", "yaml", "html", "zip")]
    answered = 0
    for operation, how in itertools.product(OPERATIONS, asked):
        response = client.generic("OPTIONS", world.at(operation).address, **how)
        if response.status_code == 200:
            answered += 1
            assert response.headers["Content-Type"] == "application/json", f"{operation} {how}"
            assert response.json()["name"]
        else:
            refused(response, f"OPTIONS {operation} {how}")
    assert answered > 5


def test_who_has_an_answer_already_gets_none_in_whatever_format(client: Any, world: World) -> None:
    """A 304 has no body, so a renderer has nothing to render."""
    tagged = set()
    for operation in OPERATIONS:
        if operation.verb != "get":
            continue
        for name in ("json", "csv", "pdf", "yaml", "html", "zip"):
            address = f"{world.at(operation).address}?format={name}"
            first = client.get(address)
            if first.status_code == 200 and "ETag" in first.headers:
                tagged.add(f"{operation} {name}")
                again = client.get(address, headers={"if-none-match": first.headers["ETag"]})
                assert again.status_code in (200, 304), f"{operation} {name}"
                assert again.status_code == 200 or again.content == b"", f"{operation} {name}"
    assert {"pdf", "csv", "html", "yaml", "json"} <= {one.rpartition(" ")[2] for one in tagged}, tagged


def test_a_name_that_no_row_can_have_is_not_found(client: Any, world: World) -> None:
    before = world.versions()
    for operation in OPERATIONS:
        there = world.at(operation)
        for part, name in itertools.product(world.parts(operation).values(), ODD_NAMES):
            odd = replace(there, address=there.address.replace(f"/{part}/", f"/{name}/"))
            refused(sent(client, odd, b""), f"{operation} {name[:40]}")
    assert world.versions() == before


def test_no_filter_of_any_list_breaks_on_what_is_written_behind_it(
    client: Any, world: World, both_databases: bool
) -> None:
    filtered = 0
    for operation in OPERATIONS:
        if operation.verb == "get":
            there = world.at(operation)
            known = client.get(f"{there.address}?no_such=1").json()["errors"][0]["detail"]
            names = known.partition("Known here: ")[2].rstrip(".").split(", ")
            queries = itertools.product(filter(None, names), ODD_QUERIES)
            for name, value in odd_ones(queries, every=both_databases):
                filtered += 1
                response = client.get(f"{there.address}?{name}={quote(value.encode('utf-8', 'surrogatepass'))}")
                if response.status_code != 200:
                    refused(response, f"{operation} {name}={value[:40]!r}")
    assert filtered > 400


@pytest.mark.any_database
def test_of_a_parameter_that_is_there_twice_no_value_is_dropped(client: Any, world: World) -> None:
    may = set()
    for operation in OPERATIONS:
        if operation.verb == "get":
            address = world.at(operation).address
            known = client.get(f"{address}?no_such=1").json()["errors"][0]["detail"].partition("Known here: ")[2]
            # A format that there is not is refused first.
            for name in sorted(set(known.rstrip(".").split(", ")) - {"", "format"}):
                response = client.get(f"{address}?{name}=x&{name}=y")
                if response.json()["errors"][0]["code"] == "twice":
                    refused(response, f"{operation} {name}")
                else:
                    may.add(name)
    assert may == {"tag", "status", "severity"}


def test_a_time_without_a_zone_or_out_of_reach_says_so(client: Any) -> None:
    for name, (value, why) in itertools.product(
        ("started_after", "started_before"),
        (
            ("2026-11-23T14:30:00", "no zone"),
            ("0001-01-01T00:00:00%2B14:00", "too early or too late"),
            ("9999-12-31T23:59:59-14:00", "too early or too late"),
        ),
    ):
        response = client.get(f"/api/v1/executions/?{name}={value}")
        assert response.status_code == 400, f"{name}={value}"
        assert why in response.json()["detail"], f"{name}={value}"


#: A value of another type than the member has: operation, member, value, and what is said of it.
OF_ANOTHER_TYPE: tuple[tuple[str, str, Any, str], ...] = (
    ("execution-list", "cleanup_after_seconds", "60", "whole number"),
    ("execution-list", "cleanup_after_seconds", 60.0, "whole number"),
    ("execution-list", "cleanup_after_seconds", True, "whole number"),
    ("execution-list", "break_glass", "yes", "true or false"),
    ("execution-list", "break_glass", 1, "true or false"),
    ("execution-list", "confirm", 1, "in quotes"),
    ("execution-list", "reason", 1, "in quotes"),
    ("execution-list", "kind", 1, "in quotes"),
    ("execution-list", "point_in_time", "2026-11-23T14:30:00", "no zone"),
    ("execution-list", "point_in_time", 1732372200, "in quotes"),
    ("execution-retry", "point_in_time", "2026-11-23T14:30:00", "no zone"),
    ("execution-retry", "servers", [1], "in quotes"),
    ("execution-pause", "comment", 1, "in quotes"),
    ("token-list", "expires_in_seconds", "60", "whole number"),
    ("token-list", "name", 1, "in quotes"),
    ("site-list", "account_id", 12345678901, "loses a zero at its beginning"),
    ("site-list", "job_tags", "yes", "true or false"),
    ("site-list", "name", 1, "in quotes"),
    ("protection-group-list", "servers", [1], "in quotes"),
    ("protection-group-list", "tag_selector", {"App": [1]}, "in quotes"),
    ("plan-list", "approvals_required", "1", "whole number"),
    ("plan-list", "rto_target_seconds", "60", "whole number"),
    ("plan-list", "name", 1, "must be text"),
)


def test_nothing_is_taken_from_another_type(client: Any, world: World) -> None:
    for operation, member, value, why in OF_ANOTHER_TYPE:
        there = world.at(next(one for one in WITH_BODY if one.address == operation and one.verb == "post"))
        response = client.post(there.address, {**BODIES.get(operation, COMMENT), member: value})
        what = f"{operation} {member}={value!r}"
        assert response.status_code == 400, what
        assert why in " ".join(error["detail"] for error in response.json()["errors"]), what
        assert {error["attr"].partition(".")[0] for error in response.json()["errors"]} >= {member}, what
