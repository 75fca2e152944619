"""What applying documents changes: documents and what there is in, ordered changes out.

Of each kind: renames first, each before what takes the name that it leaves; then what is new and what is changed, in
the order of the documents. Sites come before groups, and groups before plans. Deletions come last, in reverse order.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from foundation.errors import FieldError, Invalid
from foundation.names import name_clean
from foundation.sources import Source
from foundation.wording import listing
from plans.core.bundle.documents import Document, Head, Kind, Known, heads_of, read
from plans.core.differences import Difference, differences


class Action(StrEnum):
    CREATE = "create"
    CHANGE = "change"
    #: Its name, and perhaps more.
    RENAME = "rename"
    DELETE = "delete"
    #: In place of deleting a plan that was run: its executions are evidence.
    ARCHIVE = "archive"


@dataclass(frozen=True, slots=True)
class Existing:
    """Something that there is, as its document would be."""

    kind: Kind
    id: int
    version: int
    body: Mapping[str, Any]
    source: Source | None = None
    #: What its document was called when it was last applied.
    source_name: str = ""
    archived: bool = False
    #: What keeps it from being deleted, besides plans and groups; of a plan: that it was run.
    held: str = ""

    @property
    def name(self) -> str:
        return str(self.body["name"])


@dataclass(frozen=True, slots=True)
class Change:
    kind: Kind
    action: Action
    name: str
    #: The name that it has until then; empty unless it is renamed.
    renamed_from: str = ""
    differences: tuple[Difference, ...] = ()
    #: What is changed; None: it is new.
    of: Existing | None = None
    #: None: it is deleted or archived.
    document: Document | None = None

    @property
    def place(self) -> str:
        return self.document.place if self.document else ""

    @property
    def told(self) -> dict[str, Any]:
        """The change, as it is answered."""
        told = {"kind": self.kind.value, "action": self.action.value, "name": self.name}
        return {**told, "renamed_from": self.renamed_from or None, "differences": list(self.differences)}


@dataclass(frozen=True, slots=True)
class Kept:
    """Something from the same source that has no document any more, and why it stays."""

    kind: Kind
    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Outcome:
    changes: tuple[Change, ...]
    #: What `prune` would have deleted.
    kept: tuple[Kept, ...]
    #: How many documents change nothing.
    unchanged: int


#: What differences call a change of where it is kept, and that it comes out of the archive.
SOURCE: Final = "source"
ARCHIVED: Final = "archived"
#: Values that are not listed among the differences of something new.
_BLANK: Final[tuple[Any, ...]] = (None, "", [], {})
_KIND_BY_NAME: Final = {kind.value: kind for kind in Kind}


def changes_of(
    documents: Sequence[object],
    existing: Iterable[Existing],
    *,
    renamed_from: Mapping[str, Any] = {},
    prune: bool = False,
    source: Source | None = None,
) -> Outcome:
    """What applying `documents` to what there is changes. Raises `Invalid` with everything that is wrong.

    `renamed_from` gives old names by new ones, for all kinds or by kind, as `renamed_from` in a document does. With
    `prune`, what came from the same place of `source` before, and of which there is no document, is deleted.
    """
    errors: list[FieldError] = []
    heads = heads_of(documents, errors)
    heads = _with_renames(heads, renamed_from, errors)
    if prune and source is None:
        errors.append(_no_source())
    if prune and not documents:
        errors.append(FieldError("documents", "There are no documents: prune would delete everything.", "required"))
    matching = _Matching(list(existing), heads, source, errors)
    if errors:
        raise Invalid.of(errors)
    known = matching.known()
    read_ones = [document for head in heads if (document := read(head, known, errors))]
    if errors:
        raise Invalid.of(errors)
    done = tuple(matching.changes(read_ones))
    errors += matching.alike(done)
    if errors:
        raise Invalid.of(errors)
    deletions, kept = matching.deletions(read_ones, prune=prune)
    return Outcome((*done, *deletions), tuple(kept), len(read_ones) - len(done))


def fingerprint(outcome: Outcome) -> str:
    """SHA-256 of all changes, in hex: the same as long as applying changes the same."""
    told = [change.told for change in outcome.changes]
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _no_source() -> FieldError:
    return FieldError(
        "source", "prune deletes only what came from the same repository before: say which, in source.", "required"
    )


def _with_renames(heads: list[Head], renamed_from: Mapping[str, Any], errors: list[FieldError]) -> list[Head]:
    """The documents with the renames that were sent beside them."""
    by_kind: dict[tuple[Kind, str], str] = {}
    for key, value in renamed_from.items():
        if isinstance(value, Mapping) and key in _KIND_BY_NAME:
            pairs = {new: old for new, old in value.items() if isinstance(old, str)}
            if len(pairs) < len(value):
                errors.append(FieldError(f"renamed_from.{key}", "renamed_from gives old names by new ones."))
            by_kind |= {(_KIND_BY_NAME[key], name_clean(new)): name_clean(old) for new, old in pairs.items()}
            continue
        of = [head.kind for head in heads if isinstance(value, str) and head.name == name_clean(key)]
        if len(of) == 1:
            by_kind[of[0], name_clean(key)] = name_clean(value)
        elif len(of) > 1:
            kinds = listing([kind.words for kind in of], last="and")
            sentence = f"“{key}” is the name of a {kinds}: write renamed_from in the document that it is about."
            errors.append(FieldError(f"renamed_from.{key}", sentence, "ambiguous"))
        else:
            sentence = (
                f"renamed_from is about “{key}”, and there is no document of that name. It gives old names by new ones."
            )
            errors.append(FieldError(f"renamed_from.{key}", sentence, "unknown"))
    names = {(head.kind, head.name) for head in heads}
    for kind, new in by_kind:
        if (kind, new) not in names:
            sentence = f"renamed_from is about {kind.words} “{new}”, and there is no document of that name."
            errors.append(FieldError(f"renamed_from.{kind.value}.{new}", sentence, "unknown"))
    return [
        Head(head.kind, head.name, by_kind.get((head.kind, head.name), head.renamed_from), head.place, head.raw)
        for head in heads
    ]


@dataclass
class _Matching:
    """Which document describes which existing thing."""

    existing: list[Existing]
    heads: list[Head]
    source: Source | None
    errors: list[FieldError]
    #: What each document describes, by its kind and name; without documents of something new.
    of: dict[tuple[Kind, str], Existing] = field(default_factory=dict)
    #: New names by old ones.
    renamed: dict[Kind, dict[str, str]] = field(default_factory=lambda: {kind: {} for kind in Kind})
    #: Documents that rename something, each before those that take the name that it leaves.
    renames: dict[Kind, list[str]] = field(default_factory=lambda: {kind: [] for kind in Kind})

    def __post_init__(self) -> None:
        for kind in Kind:
            self._match(kind, [head for head in self.heads if head.kind is kind])

    def known(self) -> Known:
        return Known(self._names_after(Kind.SITE), self._names_after(Kind.GROUP), self.renamed)

    def _names_after(self, kind: Kind) -> set[str]:
        there = {self.renamed[kind].get(each.name, each.name) for each in self.existing if each.kind is kind}
        return there | {head.name for head in self.heads if head.kind is kind}

    # --- which is which --------------------------------------------------------------------------------------------
    def _match(self, kind: Kind, heads: list[Head]) -> None:
        there = [each for each in self.existing if each.kind is kind]
        by_name = {each.name: each for each in there}
        by_source_name = {each.source_name: each for each in there if self._is_ours(each) and each.source_name}
        wanted: dict[str, Existing] = {}
        for head in heads:
            old = head.renamed_from
            found = by_name.get(old) or by_source_name.get(old) if old and old != head.name else None
            if found is not None and found.name != head.name:
                wanted[head.name] = found
        # A rename to a name that is taken has happened before, unless what has the name is renamed itself.
        leaving = {each.name for each in wanted.values()}
        while taken := [new for new in wanted if new in by_name and new not in leaving]:
            for new in taken:
                self._check_renamed_before(by_name[new], wanted.pop(new), heads)
            leaving = {each.name for each in wanted.values()}
        self._check_each_once(wanted, heads)
        claimed = {each.id for each in wanted.values()}
        for head in heads:
            found = wanted.get(head.name)
            if found is None:
                found = by_name.get(head.name)
                if found is None or found.id in claimed:
                    # Renamed here: its document knows it by the name that it had.
                    found = by_source_name.get(head.name)
                if found is None or found.id in claimed or self._is_named(found, head, heads):
                    continue
                claimed.add(found.id)
            self.of[kind, head.name] = found
            if found.name != head.name:
                self.renamed[kind][found.name] = head.name
        self.renames[kind] = self._in_order(kind, heads)

    def _is_ours(self, each: Existing) -> bool:
        """It was last applied from the same place as now; or neither says a place."""
        if self.source is None or each.source is None:
            return self.source is each.source
        return each.source.place == self.source.place

    def _was_applied(self, each: Existing) -> bool:
        """Last applied from here, under the name that it has now."""
        return self._is_ours(each) and each.source_name == each.name

    @staticmethod
    def _is_named(found: Existing, head: Head, heads: Iterable[Head]) -> bool:
        """Another document describes it, by the name that it has now."""
        return found.name != head.name and any(other.name == found.name for other in heads)

    def _check_renamed_before(self, new: Existing, old: Existing, heads: Sequence[Head]) -> None:
        was_renamed = self._was_applied(new) and not self._was_applied(old)
        if was_renamed or any(head.name == old.name for head in heads):
            return
        head = next(head for head in heads if head.name == new.name)
        words = head.kind.words
        sentence = (
            f"{words.capitalize()} “{old.name}” cannot be renamed to “{new.name}”, because there is another one of "
            "that name. Rename or delete one of them, or remove renamed_from if this was done before."
        )
        self.errors.append(FieldError(f"{head.place}.renamed_from", sentence, "unique"))

    def _check_each_once(self, wanted: Mapping[str, Existing], heads: Sequence[Head]) -> None:
        first: dict[int, str] = {}
        for head in heads:
            found = wanted.get(head.name)
            if found is None:
                continue
            if found.id in first:
                words = head.kind.words
                sentence = (
                    f"“{first[found.id]}” and “{head.name}” are both renamed from {words} “{found.name}”. Keep one."
                )
                self.errors.append(FieldError(f"{head.place}.renamed_from", sentence, "twice"))
            first.setdefault(found.id, head.name)

    def _in_order(self, kind: Kind, heads: Sequence[Head]) -> list[str]:
        """The documents that rename something, each after the one whose old name it takes."""
        renamed = self.renamed[kind]
        by_new = {new: old for old, new in renamed.items()}
        done: list[str] = []
        for head in heads:
            chain: list[str] = []
            name: str | None = head.name if head.name in by_new else None
            while name is not None and name not in done:
                if name in chain:
                    circle = listing([f"“{each}”" for each in chain], most=None)
                    sentence = f"{circle} exchange their names. Apply that in two steps, with another name in between."
                    self.errors.append(FieldError(f"{head.place}.renamed_from", sentence, "cycle"))
                    return []
                chain.append(name)
                # What has the name now must leave it first.
                name = renamed.get(name)
            done += reversed(chain)
        return done

    # --- what changes ----------------------------------------------------------------------------------------------
    def changes(self, documents: Sequence[Document]) -> Iterator[Change]:
        for kind in Kind:
            of_kind = [document for document in documents if document.kind is kind]
            order = {name: at for at, name in enumerate(self.renames[kind])}
            for document in sorted(of_kind, key=lambda one: order.get(one.name, len(order))):
                change = self._change(document, self.of.get((kind, document.name)))
                if change is not None:
                    yield change

    def _change(self, document: Document, of: Existing | None) -> Change | None:
        if of is None:
            said = [one for one in differences({}, document.body) if one["after"] not in _BLANK]
            found = [*said, *self._moved(None, document)]
            return Change(document.kind, Action.CREATE, document.name, differences=tuple(found), document=document)
        before = {key: value for key, value in self._as_renamed(of).items() if key in document.body}
        found = [*differences({**before, "name": of.name}, document.body), *self._moved(of, document)]
        if of.archived:
            found.append(Difference(path=ARCHIVED, before=True, after=False))
        if not found:
            return None
        renamed = of.name != document.name
        action = Action.RENAME if renamed else Action.CHANGE
        return Change(document.kind, action, document.name, of.name if renamed else "", tuple(found), of, document)

    def alike(self, changes: Iterable[Change]) -> Iterator[FieldError]:
        """Groups that select just what another one does: a server is in one group only, so that is a rename."""
        there = {
            _selection(self._as_renamed(each)): each.name
            for each in self.existing
            if each.kind is Kind.GROUP and each.id not in self._claimed(Kind.GROUP)
        }
        for change in changes:
            document = change.document
            if change.kind is not Kind.GROUP or document is None:
                continue
            if change.of is None or _selection(self._as_renamed(change.of)) != _selection(document.body):
                other = there.get(_selection(document.body))
                if other is not None:
                    yield FieldError(
                        f"{document.place}.name",
                        f"Protection group “{change.name}” selects the same servers as “{other}”. If it is that group "
                        f"under another name, write renamed_from: {other}",
                        "overlap",
                    )
            there.setdefault(_selection(document.body), change.name)

    def _claimed(self, kind: Kind) -> set[int]:
        """The ids of what has a document."""
        return {each.id for (of_kind, _), each in self.of.items() if of_kind is kind}

    def _moved(self, of: Existing | None, document: Document) -> Iterator[Difference]:
        """Where it is kept, if that is new: the place, not the state."""
        if self.source is None:
            return
        before = of.source if of is not None else None
        if before is None or before.place != self.source.place or (of and of.source_name != document.name):
            words = None if before is None else _kept_words(before, of.source_name if of else "")
            yield Difference(path=SOURCE, before=words, after=_kept_words(self.source, document.name))

    def _as_renamed(self, of: Existing) -> dict[str, Any]:
        """Its document, with new names for what it refers to: a rename alone is no reason to save it."""
        body = dict(of.body)
        if of.kind is Kind.GROUP:
            body["site"] = self.renamed[Kind.SITE].get(body["site"], body["site"])
        if of.kind is Kind.PLAN:
            groups = self.renamed[Kind.GROUP]
            body["waves"] = [
                {**wave, "protection_groups": [groups.get(name, name) for name in wave["protection_groups"]]}
                for wave in body["waves"]
            ]
        return body

    # --- what goes -------------------------------------------------------------------------------------------------
    def deletions(self, documents: Sequence[Document], *, prune: bool) -> tuple[list[Change], list[Kept]]:
        """What no document is of any more, plans first."""
        claimed = {(each.kind, each.id) for each in self.of.values()}
        ours = [each for each in self.existing if self.source is not None and self._is_ours(each)]
        left = [each for each in ours if (each.kind, each.id) not in claimed]
        if not prune:
            return [], [
                Kept(each.kind, each.name, "no document is of it any more, and prune was not asked for")
                for each in left
                if not each.archived
            ]
        gone: set[tuple[Kind, int]] = set()
        deletions: list[Change] = []
        kept: list[Kept] = []
        for kind in reversed(Kind):
            for each in sorted((each for each in left if each.kind is kind), key=lambda one: one.name):
                if each.archived:
                    continue
                if kind is Kind.PLAN and each.held:
                    deletions.append(Change(kind, Action.ARCHIVE, each.name, of=each))
                elif why := self._why_it_stays(each, documents, gone):
                    kept.append(Kept(kind, each.name, why))
                else:
                    gone.add((kind, each.id))
                    deletions.append(Change(kind, Action.DELETE, each.name, of=each))
        return deletions, kept

    def _why_it_stays(self, each: Existing, documents: Sequence[Document], gone: set[tuple[Kind, int]]) -> str:
        if each.kind is Kind.PLAN:
            return ""
        upper = Kind.GROUP if each.kind is Kind.SITE else Kind.PLAN
        after = {document.name: document.body for document in documents if document.kind is upper}
        claimed = self._claimed(upper)
        for other in self.existing:
            if other.kind is upper and (upper, other.id) not in gone and other.id not in claimed:
                after.setdefault(other.name, self._as_renamed(other))
        users = [f"{upper.words} “{name}”" for name, body in after.items() if each.name in _used_by(upper, body)]
        if users:
            return f"it is used by {listing(users)}"
        return f"it is used by {each.held}" if each.held else ""


def _used_by(kind: Kind, body: Mapping[str, Any]) -> set[str]:
    """The names of the sites that a group, or of the groups that a plan uses."""
    if kind is Kind.GROUP:
        return {body["site"]}
    return {name for wave in body["waves"] for name in wave["protection_groups"]}


def _selection(body: Mapping[str, Any]) -> str:
    """The same of two groups that select the same."""
    selector = {key: sorted(values) for key, values in body["tag_selector"].items()}
    return json.dumps([body["site"], sorted(body["servers"]), selector], sort_keys=True)


def _kept_words(source: Source, name: str) -> str:
    return f"{source.words}, as “{name}”"
