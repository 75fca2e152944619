"""What is an id, and what is a name."""

from __future__ import annotations

import pytest

from foundation.references import id_of


@pytest.mark.parametrize(("reference", "pk"), [("7", 7), ("007", 7), ("9" * 18, 10**18 - 1)])
def test_digits_are_an_id(reference: str, pk: int) -> None:
    assert id_of(reference) == pk


@pytest.mark.parametrize("reference", ["", "shop", "7a", "-7", "٣", "²", "9" * 19])
def test_everything_else_is_a_name(reference: str) -> None:
    assert id_of(reference) is None
