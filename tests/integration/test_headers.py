"""Every answer tells browsers what they may do with it: nothing but what drsorch needs. Made from the addresses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.admindocs.views import simplify_regex
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]
STRICT = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
CSP = {
    "default-src": ["'self'"], "script-src": ["'self'"], "style-src": ["'self'"], "img-src": ["'self'", "data:"],
    "object-src": ["'none'"], "base-uri": ["'self'"], "form-action": ["'self'"], "frame-ancestors": ["'none'"],
}  # fmt: skip
#: Addresses that need more, and what.
MORE = {
    re.compile("/api/v1/docs/"): {"style-src": ["'unsafe-inline'"]},
    re.compile("/api/v1/executions/[^/]+/report/"): {"style-src": ["'sha256-"]},
    # Alpine.js, which Unfold brings, evaluates what its attributes say.
    re.compile("/admin/"): {"script-src": ["'unsafe-eval'"], "style-src": ["'unsafe-inline'"]},
}


def addresses(resolver: URLResolver | None = None, before: str = "") -> Iterator[str]:
    """Every address there is, its parameters made up."""
    for pattern in (resolver or get_resolver()).url_patterns:
        path = before + simplify_regex(str(pattern.pattern)).removeprefix("/")
        if isinstance(pattern, URLPattern):
            yield "/" + re.sub(r"<[^>]*>", "1", path)
        else:
            yield from addresses(pattern, path)


ALL = sorted(set(addresses()))


def refuse(path: str, answer: Any) -> None:
    headers = answer.headers
    assert {name: headers.get(name) for name in STRICT} == STRICT, path
    assert "camera=()" in headers["Permissions-Policy"]
    assert "geolocation=()" in headers["Permissions-Policy"]
    assert "Server" not in headers
    allowed = {name: list(values) for name, values in CSP.items()}
    for where, more in MORE.items():
        if where.match(path):
            for name, values in more.items():
                allowed[name] += values
    said = {
        name: values
        for name, *values in (part.split() for part in headers["Content-Security-Policy"].split(";") if part.strip())
    }
    assert said["frame-ancestors"] == ["'none'"], path
    for name, values in said.items():
        beyond = [
            one for one in values if one != "'none'" and not one.startswith(tuple(allowed.get(name, ())) or ("-",))
        ]
        assert not beyond, f"{path} allows {name} {beyond}"


def test_there_are_addresses() -> None:
    assert len(ALL) > 100
    assert {"/api/v1/me/", "/metrics", "/readyz", "/admin/"} <= set(ALL)


def test_every_address_answers_anyone_with_strict_headers() -> None:
    client = Client(raise_request_exception=False)
    for path in ALL:
        refuse(path, client.get(path))
        refuse(path, client.options(path))


def test_every_page_answers_an_administrator_with_strict_headers(
    ada: User, browser_of: Callable[[User], Client]
) -> None:
    browser = browser_of(ada)
    browser.raise_request_exception = False
    for path in (one for one in ALL if "1" not in one.removeprefix("/api/v1/")):
        refuse(path, browser.get(path))


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/nothing", {}),
        ("/admin", {}),
        ("/static/nothing.css", {}),
        ("/static/admin/css/base.css", {}),
        ("/admin/", {"Host": "evil.example"}),
        ("/api/v1/plans/", {"Host": "evil.example"}),
    ],
)
def test_so_do_answers_that_no_view_gives(path: str, headers: dict[str, str]) -> None:
    answer = Client().get(path, headers=headers)
    refuse(path, answer)
    answer.close()


def test_over_https_browsers_are_told_to_stay_with_it(settings: Any) -> None:
    settings.SECURE_HSTS_SECONDS, settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = 31_536_000, True
    settings.SECURE_SSL_REDIRECT = True
    assert (
        "max-age=31536000; includeSubDomains"
        in Client().get("/healthz", secure=True).headers["Strict-Transport-Security"]
    )
    redirected = Client().get("/admin/")
    assert (redirected.status_code, redirected.headers["Location"]) == (301, "https://testserver/admin/")
    refuse("/admin/", redirected)
