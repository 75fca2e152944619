"""Every page of /accounts/, as the addresses say: in our look and words, for whoever can reach it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver

from access.urls import urlpatterns
from tests.factories.people import PASSWORD, make_user

pytestmark = [pytest.mark.any_database, pytest.mark.django_db]

#: Words of allauth's own pages: whoever reads one of these reads a page that is not ours.
NOT_OURS = (
    "Two-Factor", "Security Key", "Confirm Access", "Alternative options", "Authenticator App", "Recovery Codes",
    "Menu:", "Sign In", "Please", "master key", "Activate", "reauthenticate to",
)  # fmt: skip


def addresses(patterns: Any = None, prefix: str = "/accounts/") -> Iterator[str]:
    for each in urlpatterns if patterns is None else patterns:
        if isinstance(each, URLResolver):
            yield from addresses(each.url_patterns, prefix + str(each.pattern))
        elif isinstance(each, URLPattern):
            yield prefix + str(each.pattern)


@pytest.fixture
def browsers(settings: Any, dana: User) -> dict[str, Client]:
    """A stranger, someone without a second factor, someone with all of them, and someone between the two steps."""
    settings.DRSORCH_RECENT_SIGN_IN_SECONDS = 900
    settings.DRSORCH_OIDC_ISSUER, settings.DRSORCH_OIDC_CLIENT_ID = "https://id.invalid", "drsorch"
    found = {"stranger": Client(), "dana": Client(), "omar": Client(), "half": Client()}
    found["dana"].post("/accounts/login/", {"login": "dana", "password": PASSWORD})
    omar = make_user("omar", "operator")
    found["omar"].post("/accounts/login/", {"login": "omar", "password": PASSWORD})
    Authenticator.objects.create(user=omar, type="totp", data={"secret": "JBSWY3DPEHPK3PXP"})
    RecoveryCodes.activate(omar)
    vera = make_user("vera", "viewer")
    Authenticator.objects.create(user=vera, type="totp", data={"secret": "JBSWY3DPEHPK3PXP"})
    found["half"].post("/accounts/login/", {"login": "vera", "password": PASSWORD})
    return found


def test_every_page_is_ours_in_look_and_words(browsers: dict[str, Client]) -> None:
    seen = set()
    for address in addresses():
        filled = re.sub(r"<int:\w+>", "1", address)
        for who, browser in browsers.items():
            if who == "half" and "authenticate" in address:  # other addresses may have ended it
                browser.post("/accounts/login/", {"login": "vera", "password": PASSWORD})
            page = browser.get(filled)
            assert page.status_code < 500 or filled.startswith("/accounts/oidc/"), f"{who}: {filled}"
            if page.status_code != 200 or "text/html" not in page.headers["Content-Type"]:
                continue
            seen.add(address)
            body = page.content.decode()
            assert "drsorch/accounts.css" in body, f"{who}: {filled}"
            assert '<main class="dr-card">' in body, f"{who}: {filled}"
            foreign = [words for words in NOT_OURS if words in body]
            assert not foreign, f"{who}: {filled}: {foreign}"
    assert {
        "/accounts/login/", "/accounts/logout/", "/accounts/signup/", "/accounts/reauthenticate/",
        "/accounts/password/change/", "/accounts/sessions/", "/accounts/2fa/", "/accounts/2fa/authenticate/",
        "/accounts/2fa/reauthenticate/", "/accounts/2fa/totp/activate/", "/accounts/2fa/totp/deactivate/",
        "/accounts/2fa/recovery-codes/", "/accounts/2fa/recovery-codes/generate/", "/accounts/2fa/webauthn/",
        "/accounts/2fa/webauthn/add/",
    } <= seen  # fmt: skip
