"""What of a basis is a difference, and what `seen` changes with: the decision, and nothing that moves by itself."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from executions.core.basis import canonical, differences, seen_of, sha256_of

Document = dict[str, Any]


def server(name: str, **fields: Any) -> Document:
    return {
        "site": "Frankfurt", "source_server_id": f"s-{name}", "hostname": name, "protection_group": "shop",
        "recovery_snapshot_id": None, "recovery_point_at": None, "problem_code": "", "problem": "", **fields,
    }  # fmt: skip


def finding(severity: str, code: str, subject: str = "db", message: str = "Something.") -> Document:
    return {"severity": severity, "code": code, "subject": subject, "message": message}


def instance(name: str, *, is_drill: bool) -> Document:
    return {"source_server_id": "s-db", "instance_id": name, "hostname": "db", "is_drill": is_drill}


BEFORE: Document = {
    "plan": {"id": 1, "name": "Web shop", "revision": 3, "current_revision": 3, "approvals_required": 2},
    "kind": "recovery",
    "reason": "Fire.",
    "point_in_time": None,
    "waves": [{"name": "Databases", "steps": [], "servers": [server("db"), server("db2")]}],
    "members": {"joined": [], "left": []},
    "findings": [finding("warning", "lag_over_rpo"), finding("blocking", "group_empty", "shop")],
    "instances": [instance("i-1", is_drill=True), instance("i-2", is_drill=False)],
    "not_asked": [],
}


def now(change: Callable[[Document], object]) -> Document:
    document = copy.deepcopy(BEFORE)
    change(document)
    return document


def problem(document: Document) -> None:
    document["waves"][0]["servers"][0] |= {"problem_code": "server_missing", "problem": "db is gone."}


MATTERS: dict[str, tuple[Callable[[Document], object], str]] = {
    "plan_changed": (
        lambda document: document["plan"].update(current_revision=4),
        "Plan Web shop was changed: it was at revision 3 and is now at revision 4. This execution runs revision 3.",
    ),
    "approvals_raised": (
        lambda document: document["plan"].update(approvals_required=3),
        "The plan now requires 3 approvals instead of 2, and so does this execution.",
    ),
    "server_joined": (
        lambda document: document["members"]["joined"].append(server("db3")),
        "db3 (s-db3) was not in the plan when this was requested: it is not launched.",
    ),
    "server_left": (
        lambda document: document["members"]["left"].append(server("db2", hostname="")),
        "s-db2 (s-db2) is no longer in the plan's protection groups: it is launched all the same.",
    ),
    "server_missing": (problem, "db is gone."),
    "replication_ended": (
        lambda document: document["findings"].append(finding("blocking", "replication_ended", message="It stopped.")),
        "It stopped.",
    ),
    "live_recovery_instance": (
        lambda document: document["instances"].append(instance("i-3", is_drill=False)),
        "db now has i-3 of a real recovery, which a launch would delete: it is not launched unless that instance is "
        "named.",
    ),
    "not_asked": (lambda document: document["not_asked"].append("DRS was silent."), "DRS was silent."),
}


@pytest.mark.parametrize("code", MATTERS)
def test_what_matters_is_a_difference_and_changes_what_was_seen(code: str) -> None:
    change, sentence = MATTERS[code]
    after = now(change)
    assert [(one.code, one.sentence) for one in differences(BEFORE, after)] == [(code, sentence)]
    assert seen_of(after) != seen_of(BEFORE)
    if code != "not_asked":
        assert differences(after, after) == [], "what was accepted is not told again"
    else:
        assert differences(after, after) != [], "nobody knows what was not asked"


MOVES: dict[str, Callable[[Document], object]] = {
    "a warning comes": lambda document: document["findings"].append(finding("warning", "inventory_old")),
    "a warning says another age": lambda document: document["findings"][0].update(message="Two hours behind."),
    "a blocking finding passes": lambda document: document["findings"].pop(),
    "a blocking finding is worded anew": lambda document: document["findings"][1].update(message="Still empty."),
    "a drill instance comes": lambda document: document["instances"].append(instance("i-9", is_drill=True)),
    "an instance is gone": lambda document: document["instances"].pop(),
    "a finding repeats what a server says": lambda document: document["findings"].append(
        finding("blocking", "server_missing")
    ),
    "fewer approvals are needed": lambda document: document["plan"].update(approvals_required=1),
}


@pytest.mark.parametrize("move", MOVES)
def test_what_moves_by_itself_or_passes_is_no_difference(move: str) -> None:
    assert differences(BEFORE, now(MOVES[move])) == []


@pytest.mark.parametrize("move", ["a warning comes", "a warning says another age", "a drill instance comes"])
def test_nor_does_it_change_what_was_seen(move: str) -> None:
    assert seen_of(now(MOVES[move])) == seen_of(BEFORE)


def test_an_instance_that_drs_does_not_list_is_called_so() -> None:
    after = now(lambda document: document["instances"].append(instance("", is_drill=False)))
    assert "db now has an instance that DRS does not list" in differences(BEFORE, after)[0].sentence


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document.update(kind="drill"),
        lambda document: document["plan"].update(id=2),
        lambda document: document["plan"].update(revision=2),
        lambda document: document["waves"][0]["servers"].pop(),
    ],
    ids=["kind", "plan", "revision", "servers"],
)
def test_another_execution_is_seen_as_another(change: Callable[[Document], object]) -> None:
    assert seen_of(now(change)) != seen_of(BEFORE)


def test_a_document_has_one_text() -> None:
    text = canonical({"b": "ü", "a": [1, None]})
    assert text == '{"a":[1,null],"b":"ü"}'
    assert json.loads(text) == {"a": [1, None], "b": "ü"}
    assert sha256_of("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
