"""What is read as YAML, and what is written."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.files.yaml_text import MAX_BYTES, NotYaml, read, written

texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]) | st.sampled_from("\n :#-'\"&*!|>%@`"))
scalars = st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    scalars | texts | st.sampled_from(["yes", "on", "1:30", "2026-11-27", "012", "0x1f", "1e5", "1_000", "~", "null"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(values)
@settings(max_examples=200)
def test_what_is_written_is_read_back_as_the_same(value: Any) -> None:
    found = read(written(value))
    assert found == value
    assert repr(found) == repr(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("a: 1\nb: [true, ~, 1.5, -2, +3]", {"a": 1, "b": [True, None, 1.5, -2, 3]}),
        ("a: yes\nb: on\nc: No", {"a": "yes", "b": "on", "c": "No"}),
        ("- 1:30\n- 2026-11-27\n- 0123", ["1:30", "2026-11-27", "0123"]),
        ("- 0x1f\n- 1e5\n- .5", ["0x1f", "1e5", ".5"]),
        ("- '1'\n- \"true\"\n- |\n  1\n", ["1", "true", "1\n"]),
        ("1: a\ntrue: b\n~: c", {"1": "a", "true": "b", "~": "c"}),
        ("a: 123456789012345678901234567890", {"a": "123456789012345678901234567890"}),
        ("\ufeffa: b", {"a": "b"}),
    ],
)  # fmt: skip
def test_what_is_read(text: str, value: Any) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: b: c", "Line 1, column 5: mapping values are not allowed in this context."),
        ("a:\n  - b\n c", "Line 3, column 2: "),
        ("a: [1, 2", "Line 2, column 1: did not find expected ',' or ']'."),
        ("a: 1\nb: 2\na: 3", "Line 3, column 1: “a” is there twice."),
        ("a: 1\n---\nb: 2", "Line 2, column 1: there is a second document; only one is read."),
        ("a: &x 1", "Line 1, column 4: anchors such as &x are not allowed: write it out."),
        ("a: *x", "Line 1, column 4: aliases such as *x are not allowed: write it out."),
        ("a: !!python/object/apply:os.system [ls]", "Line 1, column 4: tags such as tag:yaml.org,2002:python/"),
        ("a: !secret x", "Line 1, column 4: tags such as !secret are not allowed."),
        ("? [a]\n: b", "Line 1, column 3: a key must be a text."),
        ("[" * 51, "Line 1, column 51: this is nested too deeply."),
        ("[" * 100_000, "Line 1, column 51: this is nested too deeply."),
        ("a: 1.0e+999", "Line 1, column 4: 1.0e+999 is too large a number."),
        ("a: b\nc: \x01", "Line 2 contains the character U+0001, which YAML does not allow."),
        ("a: \ud800", "This is not YAML."),
        ("x" * (MAX_BYTES + 1), "The YAML is longer than 1,000,000 bytes."),
    ],
)  # fmt: skip
def test_what_is_not_read_is_said_with_its_place(text: str, sentence: str) -> None:
    with pytest.raises(NotYaml) as refused:
        read(text)
    assert str(refused.value).startswith(sentence)


def test_a_bomb_is_refused_at_its_first_fuse() -> None:
    bomb = "a: &a [x,x]\n" + "".join(f"b{n}: &b{n} [*a,*a]\n" for n in range(50))
    with pytest.raises(NotYaml, match="Line 1, column 4: anchors"):
        read(bomb)


def test_several_lines_are_a_block_and_the_order_stays() -> None:
    assert written({"b": 1, "a": "one\ntwo\n", "c": ["x"]}) == "b: 1\na: |\n  one\n  two\nc:\n- x\n"
