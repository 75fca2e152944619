"""Heads that are kept outside the database: what shows that all of it was put back to an earlier state.

A file has a line for each chain, `{"type", "id", "sequence", "hash"}`: where it ended. The last line counts and signs
them, `{"until", "chains", "root", "key_id", "mac" …}`. It says nothing of what the events say, so anybody may keep it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import reduce
from operator import or_
from typing import IO, Any

from django.db.models import Q

from audit import keys
from audit.canonical import canonical
from audit.models import Event
from audit.places import SUFFIX, Place
from audit.verification.report import Found
from foundation.errors import Unavailable

#: Lines that are compared in one query.
_TOGETHER = 100


class HeadsFile:
    """A file of heads that is being written; it appears under its name once it is complete."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._root = hashlib.sha256()
        self.chains = 0

    def line(self, line: bytes) -> None:
        self._file.write(line + b"\n")
        self._root.update(line + b"\n")
        self.chains += 1

    def end(self, about: Mapping[str, Any]) -> None:
        key = keys.signing()
        last = {**about, "chains": self.chains, "root": self._root.hexdigest(), "key_id": key.id}
        self._file.write(canonical({**last, "mac": key.mac(canonical(last))}) + b"\n")


@contextmanager
def heads_file(place: Place, name: str) -> Iterator[HeadsFile]:
    """Write a file of heads. Raises `Unavailable`; then there is none."""
    with place.writing(name) as file:
        yield HeadsFile(file)


def check_kept(place: Place, found: Found) -> None:
    """Compare all heads that are kept there. Raises `Unavailable` if they cannot be read."""
    names = place.names()
    if not names:
        raise Unavailable(f"{place} has no file of heads (*{SUFFIX}).")
    for name in names:
        with place.reading(name) as lines:
            _check_file(name, lines, found)


def _check_file(name: str, lines: Iterable[bytes], found: Found) -> None:
    def fault(message: str) -> None:
        found.add("heads", name, "", message)

    root, together, chains, last = hashlib.sha256(), list[dict[str, Any]](), 0, None
    for number, line in enumerate(lines, start=1):
        if last is not None:
            fault(f"Line {number} comes after the last one: the file was changed.")
            return
        try:
            entry = json.loads(line)
            if "mac" in entry:
                last = entry
                continue
            together.append({key: entry[key] for key in ("type", "id", "sequence", "hash")})
        except (ValueError, TypeError, KeyError):
            fault(f"Line {number} cannot be read: this is not a file of heads, or it was changed.")
            return
        root.update(line)
        chains += 1
        if len(together) == _TOGETHER:
            _compare(name, together, found)
            together = []
    if together:
        _compare(name, together, found)
    if last is None:
        fault("The last line is missing: the file was cut off.")
        return
    mac = str(last.pop("mac"))
    signed = keys.is_mac(keys.known(), str(last.get("key_id")), canonical(last), mac)
    if signed is None:
        fault(f"The file is signed with the key {last.get('key_id')}, which is missing from DRSORCH_AUDIT_KEYS.")
    elif not signed or (chains, root.hexdigest()) != (last["chains"], last["root"]):
        fault("The file was changed: it is not what drsorch signed.")


def _compare(name: str, lines: list[dict[str, Any]], found: Found) -> None:
    wanted = reduce(
        or_, (Q(subject_type=line["type"], subject_id=line["id"], sequence=line["sequence"]) for line in lines)
    )
    rows = Event.objects.filter(wanted).values_list("subject_type", "subject_id", "sequence", "hash")
    there = {row[:3]: row[3] for row in rows}
    for line in lines:
        key = line["type"], line["id"], line["sequence"]
        if key not in there:
            message = f"Event {key[2]} is missing: the heads kept in {name} have it."
        elif there[key] != line["hash"]:
            message = f"Event {key[2]} is not the one in the heads kept in {name}: the chain was rewritten."
        else:
            continue
        found.add(key[0], key[1], "", message, key[2])
