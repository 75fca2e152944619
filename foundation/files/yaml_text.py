"""YAML in and out: what JSON can say, in YAML's clothes, and nothing else.

A text is read by its events: no tag makes an object, no alias makes a thousand out of one, and a scalar is what
YAML 1.2 says (`no` is a word, `1:30` and `2026-11-27` are texts). What is written is read back as the same.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final

import yaml

MEDIA_TYPE: Final = "application/yaml"
#: Bytes; a plan of 200 waves with a few steps each has a tenth of that.
MAX_BYTES: Final = 1_000_000
_MAX_DEPTH: Final = 50

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS: Final = {text: word == "true" for word in ("true", "false") for text in (word, word.title(), word.upper())}
#: A number does not begin with a zero: an account id stays what it is.
_INT: Final = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_FLOAT: Final = re.compile(r"[-+]?(0|[1-9][0-9]*)\.[0-9]*([eE][-+][0-9]+)?")


class NotYaml(ValueError):
    """The text cannot be read; the message is a sentence with the line and the column."""

    def __init__(self, why: str, mark: Any = None) -> None:
        where = f"Line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
        super().__init__(f"{where}{why}.")


def read(text: str) -> Any:
    """The value that the text says. Raises `NotYaml`."""
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise NotYaml(f"The YAML is longer than {MAX_BYTES:,} bytes")
    reader = _Reader()
    try:
        for event in yaml.parse(text, Loader=_Loader):
            reader.take(event)
    except yaml.MarkedYAMLError as error:
        raise NotYaml(error.problem or "this is not YAML", error.problem_mark or error.context_mark) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise NotYaml(
            f"Line {line} contains the character U+{ord(_char(error)):04X}, which YAML does not allow"
        ) from error
    except (yaml.YAMLError, UnicodeError) as error:
        raise NotYaml("This is not YAML") from error
    return reader.value


def written(value: Any) -> str:
    """The text that says the value, with the members of objects in their order."""
    text: str = yaml.dump(value, Dumper=_Readable, sort_keys=False, allow_unicode=True, width=100)
    return text


def _char(error: yaml.reader.ReaderError) -> str:
    return error.character if isinstance(error.character, str) else chr(error.character)


class _Reader:
    """Builds a value from events, one after the other: however deep the text is, no call is deeper."""

    def __init__(self) -> None:
        self.value: Any = None
        self._documents = 0
        #: What is open, and for an object the key whose value comes next.
        self._open: list[Any] = []
        self._keys: list[str | None] = []

    def take(self, event: Any) -> None:
        match event:
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise NotYaml("there is a second document; only one is read", event.start_mark)
            case yaml.AliasEvent():
                raise NotYaml(f"aliases such as *{event.anchor} are not allowed: write it out", event.start_mark)
            case yaml.ScalarEvent():
                self._check(event)
                self._put(event, self._key_or_scalar(event))
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._check(event)
                if self._takes_key():
                    raise NotYaml("a key must be a text", event.start_mark)
                if len(self._open) >= _MAX_DEPTH:
                    raise NotYaml("this is nested too deeply", event.start_mark)
                opened: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
                self._put(event, opened)
                self._open.append(opened)
                self._keys.append(None)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._open.pop()
                self._keys.pop()

    def _takes_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1], Mapping) and self._keys[-1] is None

    def _key_or_scalar(self, event: Any) -> Any:
        return event.value if self._takes_key() else _scalar(event)

    def _put(self, event: Any, value: Any) -> None:
        if not self._open:
            self.value = value
        elif isinstance(self._open[-1], list):
            self._open[-1].append(value)
        elif self._keys[-1] is None:
            if value in self._open[-1]:
                raise NotYaml(f"“{value[:60]}” is there twice", event.start_mark)
            self._keys[-1] = value
        else:
            self._open[-1][self._keys[-1]] = value
            self._keys[-1] = None

    @staticmethod
    def _check(event: Any) -> None:
        if event.anchor is not None:
            raise NotYaml(f"anchors such as &{event.anchor} are not allowed: write it out", event.start_mark)
        if event.tag is not None:
            raise NotYaml(f"tags such as {event.tag} are not allowed", event.start_mark)


def _scalar(event: Any) -> Any:
    text: str = event.value
    if not event.implicit[0]:  # it is in quotes, or a block
        return text
    if text in _NULL:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        if math.isfinite(number):
            return number
        raise NotYaml(f"{text[:20]} is too large a number", event.start_mark)
    return text


class _Readable(_Dumper):
    """Several lines as a block."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: Any, text: str) -> Any:
    is_block = "\n" in text and text.strip() == text.rstrip("\n") and all(map(str.isprintable, text.split("\n")))
    style = "|" if is_block else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Readable.add_representer(str, _text)
