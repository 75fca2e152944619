"""What a step's parameters become when its variables are filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from executions.core.variables import UnknownVariable, filled_in

KNOWN: dict[str, str | list[str]] = {
    "execution_id": "0b9b1f0e",
    "plan": "Web shop",
    "wave_instance_ids": ["i-1", "i-2"],
    "private_ips": [],
    "instance_id:db-1.example.com": "i-1",
}

#: Texts without a variable of ours, but full of braces.
plain = st.text(st.sampled_from("{} a:_Z\n§"), max_size=30).filter(lambda text: "{{" not in text)
names = st.from_regex(r"\A[a-z_]{1,8}(:[a-zA-Z0-9.\-]{1,8})?\Z").filter(lambda name: not name.startswith("ssm:"))
values = st.one_of(st.text(max_size=12), st.lists(st.text(max_size=6), max_size=4))
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False)


def documents(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    return st.recursive(
        scalars | texts,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
        max_leaves=12,
    )


@pytest.mark.parametrize(
    ("value", "becomes"),
    [
        ("{{plan}}", "Web shop"),
        ("{{ plan }} of {{execution_id}}", "Web shop of 0b9b1f0e"),
        ("{{instance_id:db-1.example.com}}", "i-1"),
        ("ids={{wave_instance_ids}}", "ids=i-1,i-2"),
        ("{{wave_instance_ids}}", "i-1,i-2"),
        ("{{private_ips}}", ""),
        (["{{wave_instance_ids}}"], ["i-1", "i-2"]),
        (["a", " {{ wave_instance_ids }} ", "b"], ["a", "i-1", "i-2", "b"]),
        (["x {{wave_instance_ids}}"], ["x i-1,i-2"]),
        (["{{private_ips}}"], []),
        (["{{plan}}"], ["Web shop"]),
        ([["{{wave_instance_ids}}"], 3], [["i-1", "i-2"], 3]),
        (
            {"{{plan}}": ["{{plan}}"], "deep": {"er": "{{plan}}"}},
            {"{{plan}}": ["Web shop"], "deep": {"er": "Web shop"}},
        ),
        # Not variables, and so left as they are; {{ssm:…}} is for Systems Manager.
        ("{plan} {{plan {{Plan}} {{}} {{a b}}", "{plan} {{plan {{Plan}} {{}} {{a b}}"),
        ("{{ssm:shop-password}} {{ ssm:shop/url }}", "{{ssm:shop-password}} {{ ssm:shop/url }}"),
    ],
)
def test_variables_are_filled_in(value: Any, becomes: Any) -> None:
    assert filled_in(value, KNOWN) == becomes


@pytest.mark.parametrize("value", ["{{nonesuch}}", ["{{nonesuch}}"], {"a": {"b": ["x {{nonesuch}}"]}}])
def test_an_unknown_one_is_named_together_with_those_that_there_are(value: Any) -> None:
    with pytest.raises(UnknownVariable) as caught:
        filled_in(value, KNOWN)
    said = str(caught.value)
    assert said == "{{nonesuch}} is not available here. Available: execution_id, plan, private_ips, wave_instance_ids."


def test_an_unknown_server_is_named() -> None:
    with pytest.raises(UnknownVariable, match=r"\{\{instance_id:web-9\}\} is not available here"):
        filled_in("{{instance_id:web-9}}", KNOWN)


@settings(deadline=None)
@given(documents(plain))
def test_what_holds_no_variable_stays_as_it_is(document: Any) -> None:
    assert filled_in(document, KNOWN) == document


@settings(deadline=None)
@given(st.dictionaries(names, values, min_size=1), st.data())
def test_every_variable_is_replaced_by_its_value_wherever_it_stands(known: dict[str, Any], data: st.DataObject) -> None:
    parts = data.draw(st.lists(plain | st.sampled_from(sorted(known)).map(lambda name: f"{{{{{name}}}}}"), max_size=6))

    def expected(part: str) -> str:
        if not part.startswith("{{"):
            return part
        value = known[part[2:-2]]
        return value if isinstance(value, str) else ",".join(value)

    # A bar between the parts: two braces that meet would make a variable of their own.
    assert filled_in("|".join(parts), known) == "|".join(expected(part) for part in parts)


@settings(deadline=None)
@given(st.text(max_size=20), st.lists(st.text(max_size=8), max_size=4))
def test_a_value_is_never_filled_in_itself(text: str, texts: list[str]) -> None:
    """A hostname or a tag that looks like a variable must not become one."""
    known: dict[str, Any] = {"plan": f"{{{{wave}}}}{text}", "instance_ids": [*texts, "{{wave}}"], "wave": "secret"}
    assert filled_in("{{plan}}", known) == known["plan"]
    assert filled_in(["{{instance_ids}}"], known) == known["instance_ids"]


@settings(deadline=None)
@given(documents(plain | st.sampled_from(["{{plan}}", "a {{wave_instance_ids}}", "{{wave_instance_ids}}"])))
def test_the_shape_stays_and_no_variable_is_left(document: Any) -> None:
    filled = filled_in(document, KNOWN)

    def same(before: Any, after: Any) -> None:
        if isinstance(before, Mapping):
            assert list(before) == list(after)
            for key in before:
                same(before[key], after[key])
        elif isinstance(before, list):
            spread = sum(each == "{{wave_instance_ids}}" for each in before)
            assert len(after) == len(before) + spread  # two values for each
        elif isinstance(before, str):
            assert isinstance(after, str)
            assert "{{plan}}" not in after
            assert "{{wave_instance_ids}}" not in after
        else:
            assert after is before or after == before

    same(document, filled)
