"""Tag selectors, right and wrong, as they are typed and read."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protection.core.tag_selector import selector_parse, selector_problem, selector_text, selector_words


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

    @pytest.mark.parametrize(
        ("selector", "sentence"),
        [
            ([], 'A tag selector is an object of keys and lists of values, for example {"App": ["shop"]}.'),
            ({" ": ["shop"]}, "A tag selector has an empty key. Name the tag."),
            ({"App": "shop"}, 'The values of tag “App” must be a list of texts, for example ["shop"].'),
            (
                {"App": []},
                "The tag “App” has no values, so nothing can match it. Give at least one, or leave the tag out.",
            ),
            (
                {"A\npp": ["shop"]},
                "The tag “App” has a line break or another control character; AWS allows none.",
            ),
            (
                {"k" * 129: ["shop"]},
                f"The tag key “{'k' * 40}…” is longer than AWS's limit of 128 characters.",
            ),
            (
                {"App": ["v" * 257]},
                f"The tag value “{'v' * 40}…” is longer than AWS's limit of 256 characters.",
            ),
        ],
    )
    def test_what_is_wrong_in_a_sentence(self, selector: Any, sentence: str) -> None:
        assert selector_problem(selector) == sentence

    def test_as_long_as_aws_allows(self) -> None:
        assert selector_problem({"k" * 128: ["v" * 256]}) == ""


class TestSelectorText:
    def test_one_line_for_each_key(self) -> None:
        assert selector_text({"App": ["shop"], "Tier": ["db", "cache"]}) == "App = shop\nTier = db, cache"

    def test_reading_is_forgiving_about_blanks(self) -> None:
        assert selector_parse("  App=shop \n\n Tier =db,  cache\n") == {"App": ["shop"], "Tier": ["db", "cache"]}

    def test_a_key_on_two_lines_has_the_values_of_both(self) -> None:
        assert selector_parse("App=shop\nApp=crm") == {"App": ["shop", "crm"]}

    def test_the_rest_of_a_line_may_hold_equals_signs(self) -> None:
        assert selector_parse("Query=a=b") == {"Query": ["a=b"]}

    def test_a_line_that_cannot_be_read_is_shown(self) -> None:
        with pytest.raises(ValueError, match=r"^Line 2, “nonsense”, must be written as Key = value, value\.$"):
            selector_parse("App=shop\n nonsense ")

    def test_a_selector_in_words(self) -> None:
        assert selector_words({"App": ["shop"], "Tier": ["db", "cache"]}) == "App = shop and Tier = db or cache"

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
