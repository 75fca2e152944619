"""Reading what somebody sent, field by field: each wrong one is noted as a sentence, and reading goes on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from foundation.errors import FieldError
from foundation.names import name_clean, name_problem
from foundation.wording import listing, short

#: A year: longer is a slip of the unit, and it fits every database's integer.
MAX_SECONDS = 31_536_000
MAX_TEXT = 10_000
MAX_LINK = 2000


@dataclass
class Fields:
    """One JSON object at the dotted path `attr`, called `subject` in sentences. Errors go to the shared list."""

    raw: Mapping[str, Any]
    attr: str
    subject: str
    errors: list[FieldError]
    _read: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, raw: object, attr: str, subject: str, errors: list[FieldError]) -> Fields:
        """Take `raw` if it is an object; anything else is noted, and reads as an empty one."""
        if not isinstance(raw, Mapping):
            errors.append(FieldError(attr, f"{subject} must be an object, not {shown(raw)}.", "not_an_object"))
            raw = _NOT_AN_OBJECT
        return cls(raw, attr, subject, errors)

    def path(self, key: str) -> str:
        return f"{self.attr}.{key}" if self.attr else key

    def error(self, key: str, detail: str, code: str = "invalid") -> None:
        self.errors.append(FieldError(self.path(key), detail, code))

    def take(self, key: str, default: Any = None) -> Any:
        """The value as sent, or the default; marks the key as known."""
        self._read.add(key)
        return self.raw.get(key, default)

    def text(self, key: str, *, required: bool = False, limit: int = MAX_TEXT) -> str:
        """A text of at most `limit` characters; a required one may not be blank, and is one line, trimmed."""
        value = self.take(key, None if required else "")
        if value is None and self.raw is _NOT_AN_OBJECT:
            return ""
        if required and (value is None or (isinstance(value, str) and not value.strip())):
            self.error(key, f"{self.subject} needs a {_words(key)}.", "required")
            return ""
        if not isinstance(value, str):
            self.error(key, f"{self.subject}: {_words(key)} must be text, not {shown(value)}.")
            return ""
        if required:
            value = self._one_line(key, value)
        if len(value) > limit:
            self.error(key, f"{self.subject}: {_words(key)} is {len(value)} characters long; the maximum is {limit}.")
            return ""
        return value

    def line(self, key: str, *, limit: int) -> str:
        """One line of at most `limit` characters, trimmed; it may be empty."""
        return self._one_line(key, self.text(key, limit=limit))

    def _one_line(self, key: str, value: str) -> str:
        value = value.strip()
        if value.isprintable():
            return value
        self.error(key, f"{self.subject}: {_words(key)} must be one line of printable characters.")
        return ""

    def lines(self, key: str, *, most: int, limit: int) -> list[str]:
        """At most `most` lines of at most `limit` characters, trimmed, no two alike; none sent is an empty list."""
        items = self.items(key)
        if len(items) > most:
            self.error(key, f"{self.subject} has {len(items)} {_words(key)}; the maximum is {most}.")
        found: list[str] = []
        for index, item in enumerate(items[:most]):
            line = name_clean(item) if isinstance(item, str) else ""
            if not line or not line.isprintable() or len(line) > limit:
                rule = f"must be one line of 1 to {limit} printable characters"
                self.error(f"{key}.{index}", f"{self.subject}: each of its {_words(key)} {rule}, not {shown(item)}.")
            elif line in found:
                self.error(f"{key}.{index}", f"{self.subject} has {shown(line)} twice in {_words(key)}.", "twice")
            else:
                found.append(line)
        return found

    def name(self, key: str = "name") -> str:
        """A required name, by the rule of all names, in its one form."""
        value = self.take(key)
        if isinstance(value, str) and value.strip():
            name = name_clean(value)
            if problem := name_problem(name):
                self.error(key, f"{self.subject}: {problem[0].lower()}{problem[1:]}")
                return ""
            return name
        return self.text(key, required=True)

    def link(self, key: str) -> str:
        """The address of a page for people: https, or empty."""
        link = self.text(key, limit=MAX_LINK).strip()
        if link and not _is_page(link):
            self.error(key, f"{self.subject}: {_words(key)} must look like https://host/path, not {shown(link)}.")
        return link

    def whole(self, key: str, *, low: int, high: int, default: int | None = None, unit: str = "") -> int:
        """A whole number from `low` to `high`; required unless there is a default."""
        value = self.take(key, default)
        if value is None and key not in self.raw:
            if self.raw is not _NOT_AN_OBJECT:
                self.error(key, f"{self.subject} needs {key}.", "required")
            return low
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self.error(
                key, f"{self.subject}: {key} must be a whole number{unit} from {low} to {high}, not {shown(value)}."
            )
            return low
        return value

    def seconds(self, key: str, *, low: int = 0, default: int | None = None) -> int:
        return self.whole(key, low=low, high=MAX_SECONDS, default=default, unit=" of seconds")

    def seconds_or_none(self, key: str) -> int | None:
        """A target: seconds, at least 1, or null for none."""
        return None if self.take(key) is None else self.seconds(key, low=1)

    def choice(self, key: str, options: Collection[str], *, default: str = "") -> str:
        """One of `options`; required unless there is a default."""
        value = self.take(key, default or None)
        if value is None and key not in self.raw:
            if self.raw is not _NOT_AN_OBJECT:
                self.error(key, f"{self.subject} needs {key}: {listing(options, None, 'or')}.", "required")
            return default
        if not isinstance(value, str) or value not in options:
            self.error(
                key,
                f"{self.subject}: {key} must be {listing(options, None, 'or')}, not {shown(value)}.",
                "invalid_choice",
            )
            return default
        return value

    def choice_or_empty(self, key: str, options: Collection[str]) -> str:
        """One of `options`, or an empty text for none of them."""
        return "" if self.take(key, "") == "" else self.choice(key, options)

    def items(self, key: str) -> Sequence[Any]:
        """A list, as sent; none sent is an empty one."""
        value = self.take(key, [])
        if isinstance(value, Sequence) and not isinstance(value, str | bytes):
            return value
        self.error(key, f"{self.subject}: {key} must be a list, not {shown(value)}.", "not_a_list")
        return []

    def finish(self) -> None:
        """Note every key that nobody asked for: a misspelt one must not be lost in silence."""
        for key in self.raw:
            if key not in self._read:
                known = ", ".join(sorted(self._read)) or "none"
                self.error(str(key), f"{self.subject} has no field {shown(key)}. Its fields are: {known}.", "unknown")


_NOT_AN_OBJECT: Mapping[str, Any] = {}


def shown(value: object) -> str:
    """The value as a person recognises it, cut short."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    return f"“{short(value, 60)}”" if isinstance(value, str) else short(str(value), 60)


def _is_page(link: str) -> bool:
    if not link.isprintable() or " " in link:
        return False
    try:
        parts = urlsplit(link)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname)


def _words(key: str) -> str:
    return key.replace("_", " ")
