"""Tag selectors, right and wrong, as they are typed and read."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protection.core.tag_selector import selector_parse, selector_problem, selector_text


class TestSelectorProblems:
    @pytest.mark.parametrize("selector", [{}, {"App": ["shop"]}, {"App": ["shop", ""], "Tier": ["db"]}])
    def test_right_ones_have_none(self, selector: dict[str, list[str]]) -> None:
        assert selector_problem(selector) == ""

    @pytest.mark.parametrize(
        ("selector", "culprit"),
        [
            ([], "object"),
            ("App=shop", "object"),
            ({" ": ["shop"]}, "empty key"),
            ({"App": "shop"}, "“App” must be a list"),
            ({"App": [1]}, "“App” must be a list"),
            ({"App": []}, "“App” has no values"),
            ({"k" * 129: ["shop"]}, "longer than AWS's limit of 128"),
            ({"App": ["v" * 257]}, "longer than AWS's limit of 256"),
            ({"App": ["a\nb"]}, "control character"),
            ({"A\x00pp": ["a"]}, "control character"),
        ],
    )
    def test_wrong_ones_are_named(self, selector: Any, culprit: str) -> None:
        assert culprit in selector_problem(selector)


class TestSelectorText:
    def test_one_line_for_each_key(self) -> None:
        assert selector_text({"App": ["shop"], "Tier": ["db", "cache"]}) == "App = shop\nTier = db, cache"

    def test_reading_is_forgiving_about_blanks(self) -> None:
        assert selector_parse("  App=shop \n\n Tier =db,  cache\n") == {"App": ["shop"], "Tier": ["db", "cache"]}

    def test_a_key_on_two_lines_has_the_values_of_both(self) -> None:
        assert selector_parse("App=shop\nApp=crm") == {"App": ["shop", "crm"]}

    def test_the_rest_of_a_line_may_hold_equals_signs(self) -> None:
        assert selector_parse("Query=a=b") == {"Query": ["a=b"]}

    @pytest.mark.parametrize(("text", "culprit"), [("App", "Line 1"), ("App=shop\n=db", "Line 2"), ('A="x', "Line 1")])
    def test_a_line_that_cannot_be_read_is_named(self, text: str, culprit: str) -> None:
        with pytest.raises(ValueError, match=culprit):
            selector_parse(text)

    @given(
        st.dictionaries(
            st.text(string.ascii_letters + string.punctuation + " äß", min_size=1).filter(str.strip),
            st.lists(st.text(string.ascii_letters + string.punctuation + " äß"), min_size=1, unique=True),
        )
    )
    def test_what_is_written_reads_back_the_same(self, selector: dict[str, list[str]]) -> None:
        assert selector_parse(selector_text(selector)) == selector
