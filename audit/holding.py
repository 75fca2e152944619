"""Rows are held against the record: what they say now is compared with what events say of them.

`audit` knows no kind of row. An app registers a `Holder` for the `subject_type` of its rows when it is loaded; it says
how to follow a chain, and what is wrong with the rows in the end. Verifying calls `begin` for each chain, `follow` for
each of its events in order, and `faults` once for some hundred chains, so that the rows of all of them are read in the
same few queries.

Two ways to know what a row must say:

- An event *seals documents* (`record.Entry.documents`): what rows say at a moment, whole. `differences` compares such a
  document with what is now, and names the field.
- An event says what a row became (`detail["after"]`): `Recorded` holds the row to the last word on each of its fields.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from audit import fingerprints

_BLANK: Final[tuple[Any, ...]] = (None, "", [], {})
#: How the types of events end that name all of a row, and after which there is none.
_BEGINS: Final = (".created", ".issued")
_ENDS: Final = (".deleted", ".revoked")

#: What rows say: kind of row -> the row's key -> its fields, as plain JSON.
Document = Mapping[str, Mapping[str, Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Told:
    """An event, as a holder sees it: verified, and only what it needs."""

    sequence: int
    type: str
    detail: Mapping[str, Any]
    actor: str = ""
    actor_id: int | None = None


@dataclass(slots=True)
class Followed:
    """A chain that was followed to its end: what the holder made of it, and the newest document of each part."""

    state: Any
    #: {part: (sequence of the event that sealed it, the document)}
    sealed: Mapping[str, tuple[int, Document]] = field(default_factory=dict)
    #: Of the parts that the holder compares: each time that one was sealed again.
    resealed: Sequence[Resealed] = ()


class Holder(Protocol):
    """How the rows of one kind are held."""

    def begin(self) -> Any:
        """What to keep of a chain: something small."""

    def follow(self, state: Any, event: Told) -> None:
        """Note an event in `state`."""

    def faults(self, chains: Mapping[str, Followed]) -> Iterator[tuple[str, str]]:
        """(subject id, what is wrong in a sentence) of the rows of these chains, by subject id."""

    def existing(self) -> Iterable[tuple[object, str]]:
        """The ids and names of all rows: one without a chain was added in the database. None of a kind whose rows
        keep the end of their chain themselves."""

    @property
    def compared(self) -> Collection[str]:
        """Parts of which each document is compared with the one before it: an event seals what rows say at that
        moment, whatever somebody has written into them since the last one."""


class Several:
    """Holders of one type of row, each with what it keeps of a chain: an app above holds rows of its own there."""

    def __init__(self, *holders: Holder) -> None:
        self.holders = holders

    @property
    def compared(self) -> Collection[str]:
        return {part for holder in self.holders for part in holder.compared}

    def begin(self) -> list[Any]:
        return [holder.begin() for holder in self.holders]

    def follow(self, state: list[Any], event: Told) -> None:
        for holder, its in zip(self.holders, state, strict=True):
            holder.follow(its, event)

    def faults(self, chains: Mapping[str, Followed]) -> Iterator[tuple[str, str]]:
        for at, holder in enumerate(self.holders):
            yield from holder.faults(
                {id: Followed(chain.state[at], chain.sealed, chain.resealed) for id, chain in chains.items()}
            )

    def existing(self) -> Iterable[tuple[object, str]]:
        return (row for holder in self.holders for row in holder.existing())


HOLDERS: dict[str, Holder] = {}


def holds(subject_type: str, holder: Holder) -> None:
    """Hold rows of this type from now on, beside whoever holds some already. Called once, when an app is ready."""
    there = HOLDERS.get(subject_type)
    if there is None:
        HOLDERS[subject_type] = holder
    else:
        HOLDERS[subject_type] = Several(*(there.holders if isinstance(there, Several) else (there,)), holder)


@dataclass(frozen=True, slots=True)
class Resealed:
    """A part was sealed at event `before`, and again, with these differences, at event `sequence`."""

    part: str
    before: int
    sequence: int
    differences: Sequence[Difference]


@dataclass(frozen=True, slots=True)
class Difference:
    """A field, or a whole row (`field` is empty), that is not as it was sealed."""

    kind: str
    key: str
    #: What people call the row.
    name: str
    field: str
    sealed: Any
    now: Any

    def sentence(self, subject_kind: str) -> str:
        row = "" if self.kind == subject_kind else f"{self.kind} {self.name}: "
        if self.field:
            return f"{row}{self.field} is {_shown(self.now)}, sealed as {_shown(self.sealed)}."
        return f"{row}the row was {'deleted' if self.now is None else 'added'} after it was sealed."


def differences(sealed: Document, now: Document) -> Iterator[Difference]:
    """What is not as it was sealed, field by field. A field that only `now` has was added by a later version."""
    for kind in sorted({*sealed, *now}):
        before, after = sealed.get(kind, {}), now.get(kind, {})
        for key in sorted({*before, *after}):
            if key not in before or key not in after:
                fields = before.get(key) or after.get(key) or {}
                yield Difference(kind, key, _name(key, fields), "", before.get(key), after.get(key))
                continue
            for name, value in before[key].items():
                if after[key].get(name) != value:
                    yield Difference(kind, key, _name(key, before[key]), name, value, after[key].get(name))


def _name(key: str, fields: Mapping[str, Any]) -> str:
    return str(
        next((fields[name] for name in ("hostname", "user_name", "name", "source_server_id") if fields.get(name)), key)
    )


def _shown(value: Any) -> str:
    text = "empty" if value in _BLANK else str(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


#: Given ids, what their rows say now, by id: {field: value}; a row that does not exist is left out.
ReadRows = Callable[[Collection[str]], Mapping[str, Mapping[str, Any]]]
#: Given ids, the secrets of their rows, by id.
ReadSecrets = Callable[[Collection[str]], Mapping[str, fingerprints.Secrets]]


class Recorded:
    """Holds a row to `detail["after"]` of its events: {field: value} of those that changed.

    What the event of its creation does not name was blank then. `rows` leaves out what is secret: that `secrets` reads,
    and it is held to its fingerprints.
    """

    compared: Collection[str] = ()

    def __init__(
        self,
        rows: ReadRows,
        existing: Callable[[], Iterable[tuple[object, str]]],
        secrets: tuple[str, ReadSecrets] | None = None,
    ) -> None:
        self._rows = rows
        self.existing = existing
        #: The type of these rows, and what reads their secrets.
        self._secrets = secrets

    def begin(self) -> dict[str, Any]:
        return {}

    def follow(self, state: dict[str, Any], event: Told) -> None:
        if event.type.endswith(_ENDS):
            state.clear()
            state["deleted"] = True
        elif isinstance(after := event.detail.get("after"), dict):
            state.pop("deleted", None)
            if event.type.endswith(_BEGINS):
                state["whole"] = True
            state.setdefault("fields", {}).update(after)
            # What is not said any more is blank.
            gone = set(event.detail.get("before", {})) - set(after)
            state["fields"].update(dict.fromkeys(gone))

    def faults(self, chains: Mapping[str, Followed]) -> Iterator[tuple[str, str]]:
        told = {subject_id: chain.state for subject_id, chain in chains.items() if chain.state}
        rows = self._rows(list(told)) if told else {}
        for subject_id, state in told.items():
            row = rows.get(subject_id)
            if state.get("deleted"):
                if row is not None:
                    yield subject_id, "The row exists, but the audit trail says that it was deleted."
            elif row is None:
                yield subject_id, "The row was deleted, and the audit trail does not say so."
            else:
                fields = (dict.fromkeys(row) if state.get("whole") else {}) | state["fields"]
                for name, value in fields.items():
                    if name in row and row[name] != value and not (row[name] in _BLANK and value in _BLANK):
                        now, then = _shown(row[name]), _shown(value)
                        yield subject_id, f"{name} is {now}, and the audit trail says that it became {then}."
        yield from self._secret_faults(chains, rows)

    def _secret_faults(self, chains: Mapping[str, Followed], rows: Collection[str]) -> Iterator[tuple[str, str]]:
        """Of rows that are there: what goes with a row that was deleted is not missed."""
        held = [id for id, chain in chains.items() if id in rows and fingerprints.PART in chain.sealed]
        if self._secrets and held:
            subject_type, read = self._secrets
            now = read(held)
            for subject_id in held:
                _, document = chains[subject_id].sealed[fingerprints.PART]
                for message in fingerprints.faults(subject_type, subject_id, document, now[subject_id]):
                    yield subject_id, message
