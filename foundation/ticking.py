"""Times that change by the second: written by the server once, counted on by the browser (static/drsorch/live.js)."""

from __future__ import annotations

from datetime import UTC, datetime

from django.utils.html import format_html
from django.utils.safestring import SafeString

from foundation.durations import spoken


class Ticking(str):
    """A text such as "1 min 20 s left": as a text what it was when it was written, in a page an element that ticks."""

    kind: str
    moment: datetime
    before: str
    after: str
    shown: str

    @classmethod
    def since(cls, moment: datetime, now: datetime, *, before: str = "", after: str = "") -> Ticking:
        """How long it has been."""
        return cls._of("since", moment, spoken(max(0, (now - moment).total_seconds())), before, after)

    @classmethod
    def until(cls, moment: datetime, now: datetime, *, before: str = "", after: str = "") -> Ticking:
        """How long it will be."""
        return cls._of("until", moment, spoken(max(0, (moment - now).total_seconds())), before, after)

    @classmethod
    def _of(cls, kind: str, moment: datetime, shown: str, before: str, after: str) -> Ticking:
        made = cls(f"{before}{shown}{after}")
        made.kind, made.moment, made.shown, made.before, made.after = kind, moment, shown, before, after
        return made

    def __html__(self) -> SafeString:
        iso = self.moment.astimezone(UTC).isoformat()
        return format_html('{}<span data-{}="{}">{}</span>{}', self.before, self.kind, iso, self.shown, self.after)
