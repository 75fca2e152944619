"""How every screen is built: inside the admin, with a domain error shown as a page of its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django_htmx.http import HttpResponseClientRefresh

from foundation.errors import DomainError

View = Callable[..., HttpResponse]


def screen_response(
    request: HttpRequest, template: str, *, title: str, status: int = 200, **context: Any
) -> TemplateResponse:
    """A page of the admin site, with its navigation."""
    shown = {**admin.site.each_context(request), "title": title, **context}
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


def fragment(view: View) -> View:
    """For parts of a page that htmx polls: once the session is over, the whole page loads again and asks to sign in."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not admin.site.has_permission(request):
            return HttpResponseClientRefresh()
        return view(request, *args, **kwargs)

    return wrapped
