"""Pages that renew themselves: nothing is sent while nothing changes, and then only the parts that did (ADR 0034).

The ETag of such a page is the digests of its parts, one after the other. A browser sends it back in If-None-Match, so
the answer is 304, or the parts whose digest is another one. What only ticks (`Ticking`) belongs to no digest: the
browser counts it (static/drsorch/live.js).

Where a page has a `row`, read in one query, that moves with whatever the page shows, the ETag is also sealed: with the
row, the session, and until when. While the seal holds, that query is all that a renewal costs (ADR 0040).
"""

from __future__ import annotations

import functools
import hashlib
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import resolve
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.safestring import SafeString

from foundation.ticking import Ticking

View = Callable[..., HttpResponse]

#: Columns that move without anything of them being shown.
NEVER_SHOWN = frozenset({
    "due_at", "lease_token", "lease_until", "nudges", "event_count", "last_event_hash", "head_mac", "shown_version",
    "attempt_key", "asked", "external_id", "unanswered_since", "may_act_until",
})  # fmt: skip
_DIGITS = 8
_PLAIN = frozenset({str, SafeString, int, float, bool, datetime, timedelta, UUID})
#: So long a seal holds: what the clock alone changes, such as the share of a target, and what becomes of the reader's
#: session and rights, is seen so late.
STANDS = timedelta(seconds=10)
_KNOWN = re.compile(r'(?:W/)?"(?P<seal>[0-9a-f]+)-(?P<until>[0-9a-f]{1,9})-(?P<digests>[0-9a-f]+)"')


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


@dataclass(frozen=True)
class LivePage:
    """What a page shows at a moment. `root`: what its own element shows; `context`: for the template of the whole."""

    root: Any
    parts: Sequence[Part] = ()
    context: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    #: Moves with whatever is shown (`renewed`); read before it. None: the page has to be looked at each time.
    row: Any = None
    at: datetime = field(default_factory=timezone.now)
    _drawn: dict[str, SafeString] = field(default_factory=dict)

    @property
    def until(self) -> datetime:
        return self.at + STANDS

    @functools.cached_property
    def digests(self) -> str:
        return f"{_digest(self.root)}{''.join(_digest(part.shows) for part in self.parts)}"

    def etag(self, request: HttpRequest) -> str:
        until = f"{int(self.until.timestamp()):x}"
        seal = "0" if self.row is None else _seal(request, until, self.digests, self.row)
        return f'"{seal}-{until}-{self.digests}"'

    def draw(self, part: Part, request: HttpRequest) -> SafeString:
        if part.id not in self._drawn:
            self._drawn[part.id] = part.html(request)
        return self._drawn[part.id]

    def whole(self, request: HttpRequest) -> dict[str, Any]:
        """For the template of the whole: its context, `etag`, and `parts` by their id."""
        parts = {part.id: self.draw(part, request) for part in self.parts if not part.nested}
        return {**self.context, "etag": self.etag(request), "parts": parts}


def live_response(request: HttpRequest, template: str, page: LivePage) -> HttpResponse:
    """What of the page has changed since the browser last got it: nothing (304), some parts, or all of it.

    With 304, too, the browser keeps the ETag of the answer, which is sealed anew.
    """
    known, headers = _known(request), {"ETag": page.etag(request)}
    if known is not None and known["digests"] == page.digests:
        return HttpResponseNotModified(headers=headers)
    changed = None if known is None else _changed(known["digests"], page)
    if changed is None:
        return TemplateResponse(request, template, page.whole(request), status=page.status, headers=headers)
    # Each takes the place of the element that has its id; the rest of the page stays as it is.
    swapped = [
        page.draw(part, request).replace(f'id="{part.id}"', f'id="{part.id}" hx-swap-oob="true"', 1) for part in changed
    ]
    return HttpResponse("".join(swapped), headers={**headers, "HX-Reswap": "none"})


def renewed(row: Callable[..., Any]) -> Callable[[View], View]:
    """For a view that answers with a `live_response`: `row(**arguments of the address)` reads what its page's `row` is
    now."""

    def decorate(view: View) -> View:
        view.live_row = row  # type: ignore[attr-defined] # `renewals` finds it there
        return view

    return decorate


def renewals(get_response: View) -> View:
    """Middleware, before the one for sessions: 304 while a seal holds.

    A seal says that this very session was given this very page, and may be as old as `STANDS`. Whoever has lost their
    session or a right meanwhile learns for so long that nothing has happened.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        known = _known(request) if request.method == "GET" else None
        if known is not None and len(known["seal"]) > 1 and timezone.now().timestamp() < int(known["until"], 16):
            match = resolve(request.path_info)
            row = match.func.live_row(**match.kwargs) if hasattr(match.func, "live_row") else None
            if row is not None and known["seal"] == _seal(request, known["until"], known["digests"], row):
                return HttpResponseNotModified(headers={"ETag": known[0].removeprefix("W/")})
        return get_response(request)

    return middleware


class SharedPages:
    """Pages that many people watch: when something happens, one renewal looks at it, and the others send what that one
    has drawn. A few pages, for seconds, in this process."""

    def __init__(self, most: int = 8) -> None:
        self._most = most
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        self._pages: OrderedDict[str, LivePage] = OrderedDict()
        self._looking: dict[str, threading.Lock] = {}

    def get(self, of: Any, look: Callable[[], LivePage]) -> LivePage:
        """The page of this, which says all that it depends on: its row, and what its readers may do. `look` reads it,
        after its row was read."""
        key = _digest(of, 32)
        with self._lock:
            looking = self._looking.setdefault(key, threading.Lock())
        with looking:
            page = self._pages.get(key)
            if page is None or timezone.now() >= page.until:
                page = look()
                with self._lock:
                    self._keep(key, page)
        return page

    def _keep(self, key: str, page: LivePage) -> None:
        self._pages[key] = page
        self._pages.move_to_end(key)
        for old in list(self._pages)[: -self._most]:
            del self._pages[old]
        for old in [old for old, kept in self._pages.items() if timezone.now() >= kept.until]:
            del self._pages[old]
        for old in [old for old, lock in self._looking.items() if old not in self._pages and not lock.locked()]:
            del self._looking[old]


def _known(request: HttpRequest) -> re.Match[str] | None:
    """What the browser says that it has, if that is of ours."""
    return _KNOWN.fullmatch(request.headers.get("If-None-Match", ""))


def _seal(request: HttpRequest, until: str, digests: str, row: Any) -> str:
    session = request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
    sealed = repr((session, until, digests, row))
    return salted_hmac("foundation.live", sealed, algorithm="sha256").hexdigest()[:32]


def _changed(known: str, page: LivePage) -> list[Part] | None:
    """The parts that the browser has otherwise; None if it has another page than this one."""
    digests = page.digests
    if len(known) != len(digests) or known[:_DIGITS] != digests[:_DIGITS]:
        return None
    places = (slice(at, at + _DIGITS) for at in range(_DIGITS, len(digests), _DIGITS))
    return [part for part, place in zip(page.parts, places, strict=True) if known[place] != digests[place]]


def _digest(value: Any, digits: int = _DIGITS) -> str:
    return hashlib.blake2b(repr(_plain(value)).encode(), digest_size=digits // 2).hexdigest()


def _plain(value: Any) -> Any:
    """What is shown of the value, in types whose `repr` says all of it."""
    # Nearly all are; the others take much longer to tell.
    if value is None or type(value) in _PLAIN:
        return value
    if isinstance(value, Ticking):
        return value.kind, value.moment, value.before, value.after
    if isinstance(value, Model):
        columns = vars(value)
        return tuple(columns.get(f.attname) for f in value._meta.concrete_fields if f.attname not in NEVER_SHOWN)
    if is_dataclass(value):
        value = [getattr(value, field.name) for field in fields(value)]
    elif isinstance(value, Mapping):
        value = list(value.items())
    if isinstance(value, (list, tuple, QuerySet)):
        return tuple(_plain(each) for each in value)
    return value
