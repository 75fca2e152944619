"""Why a form, or a request of a signed-in session, was refused as perhaps not our own, and what helps."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import REASON_NO_REFERER
from django.shortcuts import render
from django.urls import reverse
from django_htmx.http import HttpResponseClientRefresh

_OUT_OF_DATE = (
    "It was opened before you signed in or out, or by another website. Go back, reload the page, and try again."
)


def refused(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's `CSRF_FAILURE_VIEW`."""
    origin = origin_remedy(request, reason)
    if not origin and (answer := _anew(request)) is not None:
        return answer
    title = "This form came from an address that is not trusted" if origin else "This form is out of date"
    return render(request, "403_csrf.html", {"title": title, "why": origin or _OUT_OF_DATE}, status=403)


def _anew(request: HttpRequest) -> HttpResponse | None:
    """Django looks at the token before anything looks at the session: whoever has neither signs in, as those do who
    have lost their session alone (foundation.signing_in). A part of a page never shows this refusal, so its page loads
    again, with the token of today; what was typed in it is kept (keep.js)."""
    if "HX-Request" in request.headers:
        return HttpResponseClientRefresh()
    sign_in = reverse("admin:login")
    screens = request.path.startswith(reverse("admin:index")) and request.path != sign_in
    return redirect_to_login(request.get_full_path(), sign_in) if screens and request.user.is_anonymous else None


def origin_remedy(request: HttpRequest, reason: str) -> str:
    """What was refused and which setting allows it, where the origin is the reason; empty for any other reason."""
    if reason == REASON_NO_REFERER:
        return (
            "The browser sent neither Origin nor Referer. A browser extension, or a proxy that sets Referrer-Policy: "
            "no-referrer, removes them; turn that off for drsorch."
        )
    if not reason.startswith(("Origin checking failed", "Referer checking failed")):
        return ""
    origin = request.META.get("HTTP_ORIGIN") or _origin_of(request.META.get("HTTP_REFERER", ""))
    if origin in {"", "null"}:
        return (
            f"The browser hid where the request came from (Origin: {origin or 'none'}): the page is a file or stands "
            "in a frame of another website, or a proxy sets Referrer-Policy: no-referrer. Open drsorch by its own "
            "address; no setting allows this origin."
        )
    here = f"{request.scheme}://{request.get_host()}"
    if urlsplit(origin).netloc == urlsplit(here).netloc:
        return (
            f"The request came from {origin}, but drsorch was asked as {here}: the proxy in front does not say that it "
            "was asked by HTTPS. Let it set X-Forwarded-Proto, and set TRUSTED_PROXIES to the number of proxies."
        )
    return (
        f"The request came from {origin}, but drsorch was asked as {here}. If people reach drsorch by {origin}, an "
        f"administrator allows it with the setting CSRF_TRUSTED_ORIGINS={origin}."
    )


def _origin_of(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme and parts.netloc else ""
