"""Words for the plan templates."""

from __future__ import annotations

from django import template

from foundation.durations import exact

register = template.Library()


@register.filter
def duration(seconds: int | None, none: str = "") -> str:
    """`3600|duration` is `1 h`; None is `none`."""
    return none if seconds is None else exact(seconds)
