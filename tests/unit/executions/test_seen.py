"""What a page showed when its button was pressed, and what has changed since: a sentence for each change."""

from __future__ import annotations

import json
from typing import Any

import pytest

from executions.core.seen import Look, Scene, changes, dumped, loaded

DB, WEB = "Server db-1", "Server web-1"
FAILED, AGAIN, LAUNCHED = Look("failed", "1"), Look("failed", "2"), Look("launched")
SEEN = {DB: FAILED, WEB: LAUNCHED}


def now(beside: dict[str, Look] | None = None, **things: Look | None) -> Scene:
    shown = {**SEEN, **{DB if key == "db" else WEB if key == "web" else key: look for key, look in things.items()}}
    return Scene({name: look for name, look in shown.items() if look is not None}, beside or {})


@pytest.mark.parametrize(
    ("scene", "told"),
    [
        (now(), []),
        (now(beside={DB: AGAIN}), []),
        (now(db=LAUNCHED), [f"{DB}: failed when you opened this page, launched now."]),
        (now(db=AGAIN), [f"{DB}: failed once more, after a change since you opened this page."]),
        (now(db=None), [f"{DB}: failed when you opened this page, no longer there now."]),
        (now(db=None, beside={DB: LAUNCHED}), [f"{DB}: failed when you opened this page, launched now."]),
        (now(db=None, beside={DB: FAILED}), [f"{DB}: failed once more, after a change since you opened this page."]),
        (now(new=LAUNCHED), ["new: launched now, which this page did not show yet."]),
        (
            now(db=LAUNCHED, web=FAILED, new=AGAIN),
            [
                f"{DB}: failed when you opened this page, launched now.",
                f"{WEB}: launched when you opened this page, failed now.",
                "new: failed now, which this page did not show yet.",
            ],
        ),
    ],
)
def test_what_is_no_longer_as_it_was_seen_is_told(scene: Scene, told: list[str]) -> None:
    assert changes(SEEN, scene) == told


def test_only_what_the_button_is_about_is_told() -> None:
    scene = now(db=LAUNCHED, web=FAILED)
    assert changes(SEEN, scene, {WEB}) == [f"{WEB}: launched when you opened this page, failed now."]
    assert changes(SEEN, scene, set()) == []
    assert changes(SEEN, now(), SEEN.keys()) == []


def test_what_a_form_carries_reads_back() -> None:
    assert json.loads(json.dumps(dumped(now(beside={"x": AGAIN})))) == {DB: ["failed", "1"], WEB: ["launched", ""]}
    assert loaded(json.loads(json.dumps(dumped(now())))) == SEEN
    assert loaded({}) == {}


@pytest.mark.parametrize(
    "carried", [None, [], "x", {DB: "failed"}, {DB: ["failed"]}, {DB: ["a", "b", "c"]}, {DB: ["a", 1]}, {DB: [1, "a"]}]
)
def test_what_no_form_of_ours_carries_is_refused(carried: Any) -> None:
    assert loaded(carried) is None
    if isinstance(carried, dict):
        assert loaded({**dumped(now()), **carried, "more": ["a", "b"]}) is None
