"""Which servers a protection group selects, and which one group each server belongs to. Pure: no Django, no AWS."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

#: AWS's own limits for tags.
TAG_KEY_LENGTH = 128
TAG_VALUE_LENGTH = 256
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

#: A sync that failed for a passing reason is tried again after so many seconds, then after twice as many, and so on.
FIRST_RETRY_SECONDS = 5.0
#: A sync that fails for a standing reason is never tried less often than this.
LONGEST_RETRY_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Server:
    """As much of a source server as membership depends on."""

    source_server_id: str
    hostname: str
    tags: Mapping[str, str]

    @property
    def label(self) -> str:
        """What a person calls it, and its id so that it can be found."""
        return f"{self.hostname} ({self.source_server_id})" if self.hostname else self.source_server_id


@dataclass(frozen=True, slots=True)
class Group:
    """As much of a protection group as membership depends on. `id` 0 stands for one that is not saved yet."""

    id: int
    name: str
    tag_selector: Mapping[str, Sequence[str]]
    explicit_servers: frozenset[str]

    def selects(self, server: Server) -> bool:
        """True if the server is named one by one or has all the tag keys, each with any of the values."""
        return server.source_server_id in self.explicit_servers or self.selects_by_tag(server)

    def selects_by_tag(self, server: Server) -> bool:
        """True if the server has all the tag keys, each with any of the values. An empty selector selects nothing."""
        return bool(self.tag_selector) and all(
            server.tags.get(key) in values for key, values in self.tag_selector.items()
        )


@dataclass(frozen=True, slots=True)
class Membership:
    """The one group that a server belongs to (None: unprotected), and a sentence where more than one selects it."""

    group_id: int | None
    conflict: str = ""


@dataclass(frozen=True, slots=True)
class Overlap:
    """A server that a group would take although another group selects it."""

    server: Server
    group: Group


def memberships(
    groups: Sequence[Group], servers: Iterable[Server], current: Mapping[str, int | None]
) -> dict[str, Membership]:
    """Resolve every server of a site to one group, by source server id.

    Two groups can come to select the same server only when tags change at AWS, because saving such a group is
    refused. The server then stays in the group it was in (`current`); a server that was in neither goes to the
    older group, because a server in the wrong group is still recovered and one in none is not.
    """
    result = {}
    for server in servers:
        claims = sorted((group for group in groups if group.selects(server)), key=lambda group: group.id)
        if not claims:
            result[server.source_server_id] = Membership(None)
            continue
        before = current.get(server.source_server_id)
        keeper = next((group for group in claims if group.id == before), claims[0])
        result[server.source_server_id] = Membership(keeper.id, _conflict(server, keeper, claims))
    return result


def _conflict(server: Server, keeper: Group, claims: Sequence[Group]) -> str:
    others = [f"“{group.name}”" for group in claims if group.id != keeper.id]
    if not others:
        return ""
    return (
        f"{server.label} is in “{keeper.name}”, but its tags are now selected by {' and '.join(others)} as well. "
        "Change its tags at AWS or one of the groups, so that only one selects it."
    )


def overlaps(candidate: Group, others: Iterable[Group], servers: Iterable[Server]) -> list[Overlap]:
    """Every server that `candidate` selects and another group selects too, in the order of `servers`."""
    rivals = [group for group in others if group.id != candidate.id]
    return [
        Overlap(server, rival)
        for server in servers
        if candidate.selects(server)
        for rival in rivals
        if rival.selects(server)
    ]


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
            raise ValueError(f"Line {number}, “{line.strip()}”, is not written as Key = value, value.")
        values = [_untyped(value) for value in _VALUE.findall(match["values"])]
        selector.setdefault(_untyped(match["key"]), []).extend(values)
    return {key: unique(values) for key, values in selector.items()}


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


def unique(values: Iterable[str]) -> list[str]:
    """The values, each once, in the order given."""
    return list(dict.fromkeys(values))


def retry_delay_seconds(
    failures: int, *, interval_seconds: float, passing: bool, retry_after_seconds: float | None = None
) -> float:
    """How long to wait for the next sync after `failures` (1 or more) that failed one after the other.

    A passing failure (throttled, not reachable) is tried again soon, at most every `interval_seconds`; a standing one
    (denied, not initialised) ever later, because only a person can mend it and may press the button then. Never
    sooner than AWS asked for.
    """
    doublings = 2.0 ** min(failures - 1, 20)
    if passing:
        delay = min(FIRST_RETRY_SECONDS * doublings, interval_seconds)
    else:
        delay = min(interval_seconds * doublings, max(interval_seconds, LONGEST_RETRY_SECONDS))
    return max(delay, retry_after_seconds or 0.0)
