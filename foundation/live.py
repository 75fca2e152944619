"""Pages that renew themselves: nothing is sent while nothing changes, and then only the parts that did (ADR 0034).

The ETag of such a page is the digests of its parts, one after the other. A browser sends it back in If-None-Match, so
the answer is 304, or the parts whose digest is another one; the server remembers nothing. What only ticks (`Ticking`)
belongs to no digest: the browser counts it (static/drsorch/live.js).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString

from foundation.ticking import Ticking

#: Columns that move without anything of them being shown.
_NEVER_SHOWN = {"due_at", "lease_token", "lease_until", "event_count", "last_event_hash", "head_mac"}
_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the page: the element with this id, which its template draws."""

    id: str
    template: str
    context: Mapping[str, Any]
    #: All that it shows; everything that it is digested by.
    shows: Any
    #: It is drawn by the template of another part, whose `shows` leaves it out.
    nested: bool = False

    def html(self, request: HttpRequest) -> SafeString:
        return render_to_string(self.template, {**self.context, "part_id": self.id}, request)


def live_context(request: HttpRequest, parts: Sequence[Part], *, root: Any) -> dict[str, Any]:
    """For the template of the whole: `etag`, and `parts` by their id. `root`: what its own element shows."""
    return {"etag": _etag(root, parts), "parts": {part.id: part.html(request) for part in parts if not part.nested}}


def live_response(
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any],
    parts: Sequence[Part] = (),
    *,
    root: Any,
    status: int = 200,
) -> HttpResponse:
    """What of the page has changed since the browser last got it: nothing (304), some parts, or all of it."""
    etag = _etag(root, parts)
    known = request.headers.get("If-None-Match", "").removeprefix("W/")
    if known == etag:
        return HttpResponseNotModified(headers={"ETag": etag})
    changed = _changed(known, etag, parts)
    if changed is None:
        whole = {**context, **live_context(request, parts, root=root)}
        return TemplateResponse(request, template, whole, status=status, headers={"ETag": etag})
    # Each takes the place of the element that has its id; the rest of the page stays as it is.
    swapped = [
        part.html(request).replace(f'id="{part.id}"', f'id="{part.id}" hx-swap-oob="true"', 1) for part in changed
    ]
    return HttpResponse("".join(swapped), headers={"ETag": etag, "HX-Reswap": "none"})


def _etag(root: Any, parts: Sequence[Part]) -> str:
    return f'"{_digest(root)}{"".join(_digest(part.shows) for part in parts)}"'


def _changed(known: str, etag: str, parts: Sequence[Part]) -> list[Part] | None:
    """The parts that the browser has otherwise; None if it has another page than this one."""
    if len(known) != len(etag) or known[: _DIGITS + 1] != etag[: _DIGITS + 1]:
        return None
    places = range(_DIGITS + 1, len(etag) - 1, _DIGITS)
    return [
        part for part, at in zip(parts, places, strict=True) if known[at : at + _DIGITS] != etag[at : at + _DIGITS]
    ] or None


def _digest(value: Any) -> str:
    return hashlib.blake2b(repr(_plain(value)).encode(), digest_size=_DIGITS // 2).hexdigest()


def _plain(value: Any) -> Any:
    """What is shown of the value, in types whose `repr` says all of it."""
    if isinstance(value, Ticking):
        return value.kind, value.moment, value.before, value.after
    if isinstance(value, Model):
        columns = vars(value)
        return tuple(columns.get(f.attname) for f in value._meta.concrete_fields if f.attname not in _NEVER_SHOWN)
    if is_dataclass(value):
        return tuple(_plain(getattr(value, field.name)) for field in fields(value))
    if isinstance(value, Mapping):
        return tuple((key, _plain(each)) for key, each in value.items())
    if isinstance(value, (list, tuple, QuerySet)):
        return tuple(_plain(each) for each in value)
    return value
