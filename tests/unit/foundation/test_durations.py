from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.durations import parse_duration


@given(st.integers(1, 999_999), st.sampled_from([("d", 86400), ("h", 3600), ("m", 60), ("s", 1)]))
def test_a_number_and_its_unit(number, unit):
    letter, seconds = unit
    assert parse_duration(f" {number}{letter} ") == timedelta(seconds=number * seconds)


@pytest.mark.parametrize(
    "text", ["", "30", "d", "0s", "-1d", "+1d", "1.5h", "1 d", "1D", "1w", "٣d", "1d1h", "1" * 10 + "s"]
)
def test_anything_else_is_refused_in_a_sentence(text):
    with pytest.raises(ValueError, match=r"is not a duration\. Write a whole number"):
        parse_duration(text)
