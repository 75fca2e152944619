"""A real Chromium goes to a real identity provider (Canaille, in a process of its own) and comes back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from playwright.sync_api import Page, expect

from access.identity import discovery
from access.models import ProviderGroup, Role
from tests.browser.conftest import SignIn
from tests.factories.people import make_user
from tests.identity_provider import CLIENT_ID, CLIENT_SECRET, PASSWORD, IdentityProvider
from tests.services import free_port

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def provider(live_server: Any, settings: Any) -> Iterator[IdentityProvider]:
    provider = IdentityProvider(free_port())
    provider.say("comes_back_to", address=f"{live_server.url}/accounts/oidc/callback/")
    settings.DRSORCH_OIDC_ISSUER, settings.DRSORCH_OIDC_NAME = provider.issuer, "Example ID"
    settings.DRSORCH_OIDC_CLIENT_ID, settings.DRSORCH_OIDC_CLIENT_SECRET = CLIENT_ID, CLIENT_SECRET
    settings.DRSORCH_OIDC_SCOPES = ["openid", "profile", "email", "groups"]
    settings.DRSORCH_RECENT_SIGN_IN_SECONDS = 900
    discovery.forget()
    yield provider
    provider.stop()


def at_the_provider(page: Page) -> None:
    page.wait_for_selector("[name=login], [name=password]")
    if page.locator("[name=login]").is_visible():
        page.fill("[name=login]", "omar")
        page.keyboard.press("Enter")
    page.wait_for_selector("[name=password]")
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")


def test_a_person_signs_in_there_and_confirms_there_and_loses_nothing(
    sign_in: SignIn, provider: IdentityProvider, live_server: Any
) -> None:
    page = sign_in(make_user("ada", "administrator"))
    page.context.clear_cookies()
    ProviderGroup.objects.create(name="dr-admins", role=Role.objects.get(name="administrator"))
    provider.person("omar", "dr-admins")
    provider.say("agrees", username="omar")
    page.goto("/admin/access/providergroup/add/")
    page.get_by_role("link", name="Continue with Example ID").click()
    page.wait_for_url(f"{provider.issuer}/**")
    at_the_provider(page)
    page.wait_for_url(f"{live_server.url}/admin/access/providergroup/add/")
    assert User.objects.get(username="omar").groups.get().name == "administrator"

    page.get_by_label("Group").fill("dr-viewers")
    page.locator("[name=role]").select_option(label="viewer")
    stored = SessionStore(Session.objects.order_by("expire_date").last().session_key)
    stored["drsorch_signed_in_at"] -= 1000
    stored.save()
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("link", name="Continue with Example ID").click()
    page.wait_for_url(f"{provider.issuer}/**")
    at_the_provider(page)
    page.wait_for_url(f"{live_server.url}/admin/access/providergroup/add/")
    expect(page.get_by_text("You had to sign in again. What you had entered is here again")).to_be_visible()
    expect(page.get_by_label("Group")).to_have_value("dr-viewers")
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url(f"{live_server.url}/admin/access/providergroup/")
    assert ProviderGroup.objects.filter(name="dr-viewers").exists()
