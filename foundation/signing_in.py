"""One place for requests whose session is over, or old (ADR 0034, ADR 0050): the whole page signs in, and comes back as
it was left."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django_htmx.http import HttpResponseClientRedirect, HttpResponseClientRefresh

from foundation.errors import RecentSignInNeeded

GetResponse = Callable[[HttpRequest], HttpResponse]


def sign_in_on_the_whole_page(get_response: GetResponse) -> GetResponse:
    """Middleware: an answer that leads to the page for signing in must neither land in a part of a page, nor come back
    to an address that only takes what is sent there."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if not _leads_to_sign_in(response):
            return response
        if "HX-Request" in request.headers:
            return HttpResponseClientRefresh()
        page = _page_of(request)
        return redirect_to_login(page, response.headers["Location"].partition("?")[0]) if page else response

    def process_exception(request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Whoever has to confirm who they are does so on a page of its own, and comes back to where they were."""
        if not isinstance(exception, RecentSignInNeeded):
            return None
        looks = request.method in ("GET", "HEAD")
        page = request.get_full_path() if looks else _page_of(request) or reverse("admin:index")
        there = f"{reverse('account_reauthenticate')}?{urlencode({REDIRECT_FIELD_NAME: page})}"
        return HttpResponseClientRedirect(there) if "HX-Request" in request.headers else HttpResponseRedirect(there)

    middleware.process_exception = process_exception  # type: ignore[attr-defined] # Django finds it there
    return middleware


def _leads_to_sign_in(response: HttpResponse) -> bool:
    if response.status_code not in (301, 302):
        return False
    pages = {resolve_url(settings.LOGIN_URL), reverse("admin:login")}
    return urlsplit(response.headers["Location"]).path in pages


def _page_of(request: HttpRequest) -> str:
    """The page of ours on which a form was filled in; empty for what is no form, or came from elsewhere."""
    referrer = request.headers.get("Referer", "")
    if request.method in ("GET", "HEAD") or not url_has_allowed_host_and_scheme(
        referrer, {request.get_host()}, require_https=request.is_secure()
    ):
        return ""
    parts = urlsplit(referrer)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
