"""Tag selectors: what is right, how a person types one, how a person reads one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

#: AWS's own limits for tags.
TAG_KEY_LENGTH = 128
TAG_VALUE_LENGTH = 256
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def selector_problem(selector: object) -> str:
    """Say in a sentence what is wrong with a tag selector, or return an empty string.

    Right is a mapping of tag keys to non-empty lists of values, for example `{"App": ["shop"]}`, or an empty mapping.
    """
    if not isinstance(selector, dict):
        return 'A tag selector is an object of keys and lists of values, for example {"App": ["shop"]}.'
    return next((problem for key, values in selector.items() if (problem := _tag_problem(key, values))), "")


def _tag_problem(key: str, values: object) -> str:
    if not key.strip():
        return "A tag selector has an empty key. Name the tag."
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        return f'The values of tag “{key}” must be a list of texts, for example ["shop"].'
    if not values:
        return f"The tag “{key}” has no values, so nothing can match it. Give at least one, or leave the tag out."
    if any(_CONTROL.search(text) for text in (key, *values)):
        return f"The tag “{_CONTROL.sub('', key)}” has a line break or another control character; AWS allows none."
    return _length_problem("key", TAG_KEY_LENGTH, [key]) or _length_problem("value", TAG_VALUE_LENGTH, values)


def _length_problem(what: str, longest: int, texts: Iterable[str]) -> str:
    too_long = next((text for text in texts if len(text) > longest), None)
    if too_long is None:
        return ""
    return f"The tag {what} “{too_long[:40]}…” is longer than AWS's limit of {longest} characters."


def selector_text(selector: Mapping[str, Sequence[str]]) -> str:
    """The selector as a person types it: one line `Key = value, value` for each key; quoted where it must be."""
    return "\n".join(
        f"{_typed(key, '=')} = {', '.join(_typed(value, ',') for value in values)}" for key, values in selector.items()
    )


def selector_parse(text: str) -> dict[str, list[str]]:
    """Read what `selector_text` writes. Raises ValueError with a sentence that names the line."""
    selector: dict[str, list[str]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError(f"Line {number}, “{line.strip()}”, must be written as Key = value, value.")
        values = [_untyped(value) for value in _VALUE.findall(match["values"])]
        selector.setdefault(_untyped(match["key"]), []).extend(values)
    return {key: list(dict.fromkeys(values)) for key, values in selector.items()}


_QUOTED = r'"(?:[^"]|"")*"'
_BARE_VALUE = r'[^",\s](?:[^,]*[^,\s])?'
_VALUE = re.compile(rf"{_QUOTED}|{_BARE_VALUE}")
_LINE = re.compile(
    rf"""\s*(?P<key>{_QUOTED}|[^"=\s](?:[^=]*[^=\s])?)\s*=
    \s*(?P<values>(?:{_QUOTED}|{_BARE_VALUE})(?:\s*,\s*(?:{_QUOTED}|{_BARE_VALUE}))*)\s*""",
    re.VERBOSE,
)


def _typed(text: str, separator: str) -> str:
    """The text as typed: in quotes if it would be misread without."""
    if text and text == text.strip() and separator not in text and not text.startswith('"'):
        return text
    return '"' + text.replace('"', '""') + '"'


def _untyped(text: str) -> str:
    return text[1:-1].replace('""', '"') if text.startswith('"') else text


def selector_words(selector: Mapping[str, Sequence[str]]) -> str:
    """The selector as a person reads it: `App = shop and Tier = db or cache`."""
    return " and ".join(f"{key} = {' or '.join(values)}" for key, values in selector.items())
