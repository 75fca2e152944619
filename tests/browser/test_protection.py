"""Sites and protection groups in a real browser: the state that renews itself, and finding servers by typing."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from protection.models import ProtectionGroup, Site
from tests.browser.conftest import PHONE, SignIn
from tests.factories.protection import ServerFactory, SiteFactory, mirror_now
from tests.integration.protection.conftest import NOBODY_LISTENS

pytestmark = pytest.mark.browser


def test_the_sync_button_shows_what_became_of_it_without_a_reload(sign_in: SignIn, ada: User) -> None:
    site = SiteFactory.create(name="Frankfurt", endpoint_url=NOBODY_LISTENS)
    page = sign_in(ada)
    page.goto("/admin/protection/site/")
    page.get_by_role("button", name="Sync Frankfurt").click()
    expect(page.get_by_text("sync is due")).to_be_visible()
    mirror_now(site.pk)
    expect(page.get_by_text("sync failed")).to_be_visible()
    expect(page.get_by_text(f"the endpoint ({NOBODY_LISTENS})")).to_be_visible()


@pytest.mark.parametrize("viewport", [None, PHONE], ids=["desktop", "phone"])
def test_servers_are_found_by_typing_a_part_of_their_name(
    sign_in: SignIn, petra: User, viewport: dict[str, int] | None
) -> None:
    site = SiteFactory.create(name="Frankfurt")
    ServerFactory.create(site=site, hostname="crm-app-01", source_server_id="s-1")
    ServerFactory.create(site=site, hostname="shop-web-01", source_server_id="s-2")
    page = sign_in(petra, viewport) if viewport else sign_in(petra)
    page.goto("/admin/protection/protectiongroup/add/")
    page.get_by_label("Name").fill("web")
    page.get_by_label("Site").select_option(label="Frankfurt")
    page.locator(".field-servers input[type=search], .field-servers .select2-search__field").first.fill("shop-")
    page.get_by_role("option", name="shop-web-01 · s-2 · Frankfurt").click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was added successfully")).to_be_visible()
    assert ProtectionGroup.objects.get(name="web").explicit_servers == ["s-2"]
    assert Site.objects.get().protection_groups.count() == 1
    # Nothing sticks out to the side.
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
