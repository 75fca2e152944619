"""What a caller calls its request is taken if it is well formed, and never anything else."""

from __future__ import annotations

import re

import pytest

from foundation.observing import causes

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    "said", ["a", "req-42", "Root=1-67891233-abcdef012345678912345678", "a/b:c@d+e.f_g", "x" * 128]
)
def test_a_request_id_is_taken_as_it_is(said: str) -> None:
    assert causes.request_id_of(said) == said


@pytest.mark.parametrize("said", ["", " a", "a b", "a\nb", "a\x00", "é", "x" * 129, "-a", '"a"', "<a>", "a;b", "a\n"])
def test_any_other_is_replaced(said: str) -> None:
    first, second = causes.request_id_of(said), causes.request_id_of(said)
    assert UUID.fullmatch(first)
    assert first != second


@pytest.mark.parametrize("said", [SENT, SENT[:-2] + "00", "01" + SENT[2:], "01" + SENT[2:] + "-more"])
def test_a_trace_context_is_taken_as_it_is(said: str) -> None:
    assert causes.traceparent_of(said) == said


@pytest.mark.parametrize(
    "said",
    ["", "00", SENT.upper(), SENT + "-more", SENT + "x", " " + SENT, "ff" + SENT[2:], "00-" + "0" * 32 + SENT[35:],
     SENT[:36] + "0" * 16 + "-01", SENT + "\n", "01" + SENT[2:] + "-" + "x" * 200,
     # It is answered, logged and stored, so nothing is let in that a header, a terminal or a database cannot hold.
     *("01" + SENT[2:] + "-" + more for more in ("\n", "\x00", "\x1b[2J", "é", " "))],
)  # fmt: skip
def test_of_any_other_a_new_trace_begins(said: str) -> None:
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-00", causes.traceparent_of(said))
    assert causes.traceparent_of(said) != said


def test_what_is_carried_is_what_began_it_and_nothing_of_work_before() -> None:
    causes.begin(request_id="first", traceparent=SENT, actor="a")
    assert causes.carried() == {"request_id": "first", "traceparent": SENT}
    causes.begin(request_id="second", traceparent="")
    assert causes.carried() == {"request_id": "second"}
    causes.end()
    assert causes.carried() == {}


@pytest.mark.parametrize("kept", [None, "", [], 7, {"other": "x"}, {"request_id": ""}])
def test_what_an_older_version_kept_may_be_anything(kept: object) -> None:
    assert causes.taken(kept) == {}
    assert causes.taken({"request_id": "a", "more": "b"}) == {"request_id": "a"}
