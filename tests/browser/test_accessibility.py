"""axe-core finds nothing on any page: every address of the screens, and the API's documentation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from django.test import Client
from playwright.sync_api import Page

from tests.browser.conftest import SignIn
from tests.factories.people import make_user
from tests.integration.api.operations import World
from tests.integration.test_admin_doors import filled_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
#: In the dark, only colours are others.
#: What is found, without a list of all that was not, and without loading every style sheet anew.
LIGHT = {"resultTypes": ["violations"], "preload": False}
DARK = {**LIGHT, "runOnly": ["color-contrast"]}
DOCS = "/api/v1/docs/"
OTHERS = [
    DOCS, "/verify/", "/accounts/2fa/", "/accounts/password/change/", "/accounts/sessions/", "/accounts/2fa/webauthn/",
]  # fmt: skip


def found_by_axe(page: Page, options: dict[str, Any]) -> list[str]:
    # As text of the protocol, not of the page: the content security policy is as in production.
    page.evaluate(AXE)
    report = page.evaluate(f"axe.run(document, {json.dumps(options)})")
    return [
        f"{violation['id']} ({violation['impact']}): {violation['help']}: {node['html'][:160]}"
        for violation in report["violations"]
        for node in violation["nodes"][:3]
    ]


def pages_of(client: Client, addresses: list[str]) -> list[str]:
    """Those that are whole pages, not parts of one, files or redirects."""
    found = []
    for address in addresses:
        answer = client.get(address)
        if answer.status_code in (200, 404) and "</html>" in getattr(answer, "content", b"").decode(errors="ignore"):
            found.append(address)
    return found


#: Parts of the pages, one for each process of tests.
PARTS = 3


@pytest.mark.parametrize("part", range(PARTS))
def test_axe_finds_nothing_on_any_page_light_or_dark(sign_in: SignIn, part: int) -> None:
    ada = make_user("ada", "administrator", "planner", "recovery manager", "approver", "auditor", is_superuser=True)
    world = World(ada)
    client = Client(raise_request_exception=False)
    client.force_login(ada, backend="django.contrib.auth.backends.ModelBackend")
    pages = pages_of(client, list(dict.fromkeys([*filled_in(world), *OTHERS]))[part::PARTS])
    assert len(pages) > 10
    page = sign_in(ada)
    found: dict[str, list[str]] = {}
    for address in pages:
        page.goto(address)
        if address == DOCS:
            page.wait_for_selector(".opblock")
        light = found_by_axe(page, LIGHT)
        page.evaluate("document.documentElement.classList.add('dark')")
        dark = [f"dark: {line}" for line in found_by_axe(page, DARK)]
        if light or dark:
            found[address] = [*light, *dark]
    assert not found, json.dumps(found, indent=1)
