"""How every screen is built (ADR 0026): inside the admin, with the same marks, and a domain error as a page."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import wraps
from inspect import unwrap
from typing import Any, Final

import structlog
from django.contrib import admin, messages
from django.contrib.admin.exceptions import DisallowedModelAdminLookup
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DatabaseError, DataError, transaction
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import SimpleTemplateResponse, TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from foundation.errors import DomainError, Missing, NotAllowed, NotYet
from foundation.wording import Badge, Meter

log = structlog.get_logger(__name__)

View = Callable[..., HttpResponse]
#: Of pages that belong to no one model of the admin: route, view and name.
Pages = tuple[tuple[str, Callable[..., HttpResponseBase], str], ...]

_NO_ROLE: Final = "Your account does not have the role for this page. An administrator can give it to you."
_NOTHING: Final = "There is nothing at this address. It may have been deleted, or the address is not complete."
#: What Django's lists raise for values that they do not check, and what ours do not let be asked.
_UNANSWERABLE: Final = (
    ArithmeticError, DatabaseError, DisallowedModelAdminLookup, IndexError, TypeError, ValidationError, ValueError,
)  # fmt: skip


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


def refusals_as_pages(view: View) -> View:
    """Around every view of the admin: what it refuses becomes a page with a sentence and the status.

    A list whose address asks for what no database can look for (a year 9999, an id of twenty digits) leads to the whole
    list; any other address like that is of nothing.
    """

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: PLR0911 # one for each
        try:
            # What is looked for is found out while the page is written.
            with transaction.atomic() if _asks_a_list(view, request) else nullcontext():
                response = view(request, *args, **kwargs)
                if isinstance(response, SimpleTemplateResponse):
                    response.render()
        except NotYet as not_yet:
            return _kept(request, not_yet)
        except DomainError as error:
            return _problem(request, error.status, error.title, error.detail)
        except PermissionDenied:
            return _problem(request, NotAllowed.status, NotAllowed.title, _NO_ROLE)
        except Http404:
            return _problem(request, Missing.status, Missing.title, _NOTHING)
        except _UNANSWERABLE as error:
            asks_a_list = _asks_a_list(view, request)
            if not asks_a_list and not isinstance(error, OverflowError | DataError | ValidationError):
                raise
            log.warning(
                "address_refused", path=request.path, query=request.GET.urlencode()[:500], why=repr(error)[:500]
            )
            if not asks_a_list:
                return _problem(request, Missing.status, Missing.title, _NOTHING)
            messages.warning(request, "The address asked for something that cannot be looked for. Here is everything.")
            return HttpResponseRedirect(request.path)
        return response

    return wrapped


def _kept(request: HttpRequest, not_yet: NotYet) -> HttpResponse:
    try:
        kept = not_yet.keep()
    except DomainError as error:
        return _problem(request, error.status, error.title, error.detail)
    messages.success(request, kept.sentence)
    return HttpResponseRedirect(kept.page)


def _asks_a_list(view: View, request: HttpRequest) -> bool:
    name = getattr(unwrap(view), "__name__", "")
    return name == "changelist_view" and request.method in {"GET", "HEAD"} and bool(request.GET)


def _problem(request: HttpRequest, status: int, title: str, detail: str) -> HttpResponse:
    return screen_response(request, "admin/problem.html", title=title, status=status, detail=detail).render()


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
