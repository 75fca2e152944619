"""What every template of ours needs: marks, times, durations."""

from __future__ import annotations

from django import template

from foundation.durations import exact
from foundation.screens import badge_html, measure_html
from foundation.wording import clock

register = template.Library()
register.simple_tag(badge_html, name="badge")
register.simple_tag(measure_html, name="measure")
register.filter("clock", clock)


@register.filter
def duration(seconds: int | None, none: str = "") -> str:
    """`3600|duration` is `1 h`; None is `none`."""
    return none if seconds is None else exact(seconds)
