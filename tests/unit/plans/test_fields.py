"""What is said of a value, and of a member, that nobody asked for."""

from __future__ import annotations

import pytest

from foundation.errors import FieldError
from plans.core.fields import Fields, shown


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        ({}, "an object"),
        ([], "a list"),
        ("x" * 60, "“" + "x" * 60 + "”"),
        ("x" * 61, "“" + "x" * 59 + "…”"),
        (10**59, "1" + "0" * 59),
        (10**60, "1" + "0" * 58 + "…"),
        (1.5, "1.5"),
    ],
)
def test_a_value_is_shown_so_that_a_person_recognises_it(value: object, said: str) -> None:
    assert shown(value) == said


def test_a_member_of_what_has_no_fields_is_told_so() -> None:
    errors: list[FieldError] = []
    Fields.of({"colour": "red"}, "waves.0", "The wave", errors).finish()
    assert errors == [FieldError("waves.0.colour", "The wave has no field “colour”. Its fields are: none.", "unknown")]
