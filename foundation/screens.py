"""How every screen is built (ADR 0026): inside the admin, with the same marks, and a domain error as a page."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from foundation.errors import DomainError
from foundation.wording import Badge, Meter

View = Callable[..., HttpResponse]


def screen_response(
    request: HttpRequest,
    template: str,
    *,
    title: str,
    about: Model | type[Model] | None = None,
    status: int = 200,
    **context: Any,
) -> TemplateResponse:
    """A page of the admin site, with its navigation. `about` is the row, or the model, that its breadcrumbs lead to."""
    shown = {**admin.site.each_context(request), "title": title, **context}
    if about is not None:
        shown |= {"opts": about._meta, "original": about if isinstance(about, Model) else None}
    return TemplateResponse(request, template, shown, status=status)


def domain_errors_as_page(view: View) -> View:
    """A domain error that a view lets through becomes a page with its sentence and its status."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except DomainError as error:
            return screen_response(
                request, "admin/problem.html", title=error.title, status=error.status, detail=error.detail
            )

    return wrapped


def badge_html(badge: Badge, *, large: bool = False) -> SafeString:
    """The badge, for a column of a list; `{% badge … %}` in a template."""
    return format_html(
        '<span class="dr-badge{}" data-tone="{}">'
        '<span class="material-symbols-outlined" aria-hidden="true">{}</span>{}</span>',
        " is-large" if large else "",
        badge.tone,
        badge.icon,
        badge.text,
    )


def measure_html(meter: Meter) -> SafeString:
    """A measurement beside its target, in a line; `{% measure … %}` in a template."""
    return format_html(
        '<span class="dr-measure" data-tone="{}" title="{}">{} <small>({})</small></span>',
        meter.tone,
        str(meter.verdict),  # in an attribute nothing ticks
        meter.value,
        meter.target,
    )
