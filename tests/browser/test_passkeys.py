"""Passkeys in a real Chromium, with its own virtual authenticators: set up, named, several, and signed in with."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from playwright.sync_api import CDPSession, Page, expect

from audit.models import Event
from tests.browser.conftest import SignIn
from tests.factories.people import PASSWORD, make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def dana(sign_in: SignIn, settings: Any) -> User:
    settings.DRSORCH_RECENT_SIGN_IN_SECONDS = 900
    return make_user("dana", "recovery manager")


def device(cdp: CDPSession, transport: str = "internal") -> str:
    """A device that keeps passkeys, and whose owner confirms at once."""
    options: dict[str, Any] = {
        "protocol": "ctap2",
        "transport": transport,
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    return str(cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"])


def sign_out(page: Page) -> None:
    page.goto("/accounts/logout/")
    page.get_by_role("main").get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def by_password(page: Page) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("Username").fill("dana")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def add(page: Page, name: str, *, alone: bool = True) -> None:
    page.goto("/accounts/2fa/webauthn/add/")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Sign in with it alone, without a password").set_checked(alone)
    page.get_by_role("button", name="Add").click()


def test_a_person_adds_passkeys_and_signs_in_with_them(sign_in: SignIn, dana: User) -> None:
    page = sign_in(dana)
    page.context.clear_cookies()
    cdp = page.context.new_cdp_session(page)
    cdp.send("WebAuthn.enable")
    laptop = device(cdp)
    by_password(page)
    add(page, "Laptop")
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    sign_out(page)
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url("**/admin/")
    event = Event.objects.filter(type="user.signed_in").order_by("-id")[0]
    assert (event.actor, event.detail["by"]) == ("dana", ["passkey"])

    # The same device again is refused in a sentence; another one is added beside it.
    add(page, "Laptop again")
    expect(page.get_by_text("This passkey is set up already. Use another device or key.")).to_be_visible()
    cdp.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": laptop})
    device(cdp, "usb")
    add(page, "Key in the safe", alone=False)
    expect(page.get_by_text("The passkey was added.")).to_be_visible()
    page.goto("/accounts/2fa/webauthn/")
    expect(page.get_by_role("heading", level=2)).to_have_text(["Laptop", "Key in the safe"])
    expect(page.get_by_text("Asked for after your password.")).to_be_visible()

    # After a password, the key is the second factor.
    sign_out(page)
    by_password(page)
    page.get_by_role("button", name="Use a passkey or security key").click()
    page.wait_for_url("**/admin/")

    page.goto("/accounts/2fa/webauthn/")
    page.get_by_role("link", name="Rename Laptop").click()
    page.get_by_label("Name").fill("Old laptop")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Remove Old laptop").click()
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("heading", level=2)).to_have_text(["Key in the safe"])
    assert [each.wrap().name for each in Authenticator.objects.filter(type="webauthn")] == ["Key in the safe"]


def test_a_device_that_does_not_confirm_is_said_so_on_the_page(sign_in: SignIn, dana: User) -> None:
    page = sign_in(dana)
    page.context.clear_cookies()
    cdp = page.context.new_cdp_session(page)
    cdp.send("WebAuthn.enable")
    device(cdp)
    page.goto("/accounts/login/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_text("Your device did not confirm, or took too long.")).to_be_visible()
