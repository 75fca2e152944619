"""Events as sentences. Each app declares those of the types that it writes (`<app>/events.py`), once, when it is ready.

A type without a sentence would be shown by its name: nothing in the audit trail is hidden.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from audit.event_types import EventType
from audit.models import Event
from foundation.wording import Tone, count, listing

#: Type -> sentence. Filled in are {subject}, the event's detail, and {fields}: the names of those that changed.
SENTENCES: Final[dict[str, str]] = {}
#: Where an event keeps the reason that was given, the first that it has.
_REASONS: Final = ("why", "reason", "comment", "message", "outcome")
_ABBREVIATIONS: Final = {"arn", "rpo", "rto", "url"}
#: By what became of it, the last part of the type.
_TONES: Final = {
    "succeeded": Tone.GOOD,
    "launched": Tone.GOOD,
    "approved": Tone.GOOD,
    "adopted": Tone.WARN,
    "partially_succeeded": Tone.WARN,
    "uncertain": Tone.WARN,
    "refused": Tone.WARN,
    "lost": Tone.WARN,
    "late": Tone.BAD,
    "launched_late": Tone.BAD,
    "break_glass": Tone.BAD,
    "replacement_acknowledged": Tone.BAD,
    "replaces": Tone.BAD,
    "fewer_approvals": Tone.BAD,
    "not_started": Tone.BAD,
    "approvals_agreed": Tone.WARN,
    "failed": Tone.BAD,
    "not_terminated": Tone.BAD,
    "cancelling": Tone.WARN,
    "paused": Tone.WARN,
    "retried": Tone.WARN,
    "unknown": Tone.BAD,
    "rejected": Tone.BAD,
    "deleted": Tone.WARN,
    "removed": Tone.WARN,
    "revoked": Tone.WARN,
    "second_factor_removed": Tone.WARN,
    "deactivated": Tone.WARN,
    "wrong_password": Tone.WARN,
    "wrong_second_factor": Tone.WARN,
    "bad_token": Tone.WARN,
    "throttled": Tone.BAD,
    "repeated": Tone.BAD,
}


def declare(sentences: Mapping[EventType, str]) -> None:
    """Say how events of these types read."""
    SENTENCES.update({type.value: sentence for type, sentence in sentences.items()})


declare({
    EventType.AUDIT_DAILY_HEAD: "The day until {subject} was signed: {chains}, {events}.",
    EventType.ATTEMPT_WRONG_PASSWORD: "Wrong user name or password: {subject}.",
    EventType.ATTEMPT_WRONG_SECOND_FACTOR: "Wrong code of a second factor: {subject}.",
    EventType.ATTEMPT_BAD_ID_TOKEN: "A sign-in by the identity provider was refused: {why}",
    EventType.ATTEMPT_BAD_TOKEN: "{method} {path} was refused: the token is not valid.",
    EventType.ATTEMPT_LOCAL_ACCOUNT: "{subject} may not sign in with a local account: those are switched off.",
    EventType.ATTEMPT_REFUSED: "{method} {path} was refused.",
    EventType.ATTEMPT_THROTTLED: "Too many attempts: refused for a while.",
    EventType.ATTEMPT_REPEATED: "And {more} more like this one, from {since} to {until}.",
    EventType.SETTINGS_RECORDED: "The settings of the {process} process were recorded for the first time.",
    EventType.SETTINGS_CHANGED: "The {process} process started with other settings: {fields}.",
})  # fmt: skip


class _Detail(dict[str, str]):
    """A detail that an event does not have leaves a gap instead of breaking its sentence."""

    def __missing__(self, key: str) -> str:
        return "…"


def sentence_of(event: Event) -> str:
    detail = _Detail(subject=event.subject, fields=listing(field_words(name) for name in changed_fields(event)))
    for key, value in event.detail.items():
        detail[key] = _number_of(key, value)
    template = SENTENCES.get(event.type)
    if template is None:
        words = event.type.replace(".", ": ").replace("_", " ").capitalize()
        template = f"{words} · {{subject}}" if event.subject else words
    return template.format_map(detail).replace(" as ….", ".")


def reason_of(event: Event) -> str:
    """The reason that was given, if any."""
    return str(next((event.detail[key] for key in _REASONS if event.detail.get(key)), ""))


def tone_of(event: Event) -> Tone:
    return _TONES.get(event.type.rpartition(".")[2], Tone.NEUTRAL)


def changed_fields(event: Event) -> list[str]:
    """The names of the fields that the event says changed."""
    sides = [event.detail.get(side) for side in ("before", "after")]
    return list(dict.fromkeys(name for side in sides if isinstance(side, Mapping) for name in side))


def field_words(name: str) -> str:
    """A field's name, or the path to it, as people read it."""
    return name if name.isupper() else " › ".join(_part_words(part) for part in name.split("."))


def _part_words(part: str) -> str:
    words = part.removesuffix("_seconds").split("_")
    return " ".join(word.upper() if word in _ABBREVIATIONS else word for word in words)


def _number_of(key: str, value: Any) -> str:
    """Lists, and the number of servers or approvals, as "3 servers"; a list of one as what is in it."""
    if isinstance(value, list):
        return str(value[0]) if len(value) == 1 else count(len(value), key.removesuffix("s"))
    return count(value, key[:-1]) if key in ("servers", "approvals") and isinstance(value, int) else str(value)
