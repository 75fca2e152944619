"""The board of a plan in a real browser: by mouse, by button and by keyboard, and when somebody else was quicker."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Locator, Page, expect

from plans import selectors, services
from plans.models import Plan
from tests.browser.conftest import PHONE, SignIn
from tests.factories.people import make_user
from tests.factories.plans import make_web_shop
from tests.factories.protection import make_group_with_servers

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def petra(sign_in: SignIn) -> User:
    """Planner. (Made after the tables were filled again, which `sign_in` sees to.)"""
    return make_user("petra", "planner")


@pytest.fixture
def plan(petra: User) -> Plan:
    make_user("ravi", "approver")
    plan = make_web_shop(petra)
    make_group_with_servers("shop-cache")
    return plan


@pytest.fixture
def page(sign_in: SignIn, petra: User, plan: Plan) -> Page:
    page = sign_in(petra)
    page.goto(f"/admin/plans/plan/{plan.pk}/change/")
    return page


def wave(page: Page, name: str) -> Locator:
    return page.locator(f'[data-wave="{name}"]')


def group(page: Page, name: str) -> Locator:
    return page.locator(f'[data-group="{name}"]')


def drag(page: Page, what: Locator, to: Locator, *, below: bool = False) -> None:
    """Press on `what`, move in steps as a hand does, and let go on the upper or lower part of `to`."""
    what.scroll_into_view_if_needed()
    start, end = what.bounding_box(), to.bounding_box()
    assert start
    assert end
    page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
    page.mouse.down()
    y = end["y"] + end["height"] * (0.9 if below else 0.1)
    page.mouse.move(end["x"] + end["width"] / 3, y, steps=15)
    page.mouse.move(end["x"] + end["width"] / 3, y + 2, steps=3)
    page.mouse.up()


def shown(page: Page) -> list[tuple[str, list[str]]]:
    """The waves on the board with their groups."""
    return [
        (name, wave(page, name).locator("[data-group]").evaluate_all("items => items.map(i => i.dataset.group)"))
        for name in page.locator("[data-wave]").evaluate_all("items => items.map(i => i.dataset.wave)")
    ]


def saved(plan: Plan) -> list[tuple[str, list[str]]]:
    document = selectors.document(selectors.plan_get(plan.pk))
    return [(wave["name"], wave["protection_groups"]) for wave in document["waves"]]


def save(page: Page) -> None:
    page.get_by_role("button", name="Save order").click()


def test_a_wave_is_dragged_to_another_place_and_saved_as_a_revision(page: Page, plan: Plan) -> None:
    expect(page.get_by_text("The order is not saved yet.")).to_be_hidden()
    drag(page, wave(page, "Web").locator(".dr-board-top > .dr-board-handle"), wave(page, "App"))
    assert [name for name, _ in shown(page)] == ["Databases", "Web", "App", "Reports"]
    expect(page.get_by_text("The order is not saved yet.")).to_be_visible()
    assert [name for name, _ in saved(plan)] == ["Databases", "App", "Reports", "Web"]
    save(page)
    expect(page.get_by_text("Saved: this is revision 2.")).to_be_visible()
    assert [name for name, _ in saved(plan)] == ["Databases", "Web", "App", "Reports"]
    assert selectors.revision_get(plan, 2).saved_by_name == "petra"


def test_a_group_is_dragged_within_a_wave_and_into_another(page: Page, plan: Plan) -> None:
    drag(page, group(page, "shop-cache"), group(page, "shop-app"), below=True)
    assert ("App", ["shop-app", "shop-cache"]) in shown(page)
    drag(page, group(page, "shop-cache"), group(page, "shop-app"))
    assert ("App", ["shop-cache", "shop-app"]) in shown(page)
    drag(page, group(page, "shop-app"), group(page, "shop-db"), below=True)
    save(page)
    expect(page.get_by_text("Saved: this is revision 2.")).to_be_visible()
    assert saved(plan)[:2] == [("Databases", ["shop-db", "shop-app"]), ("App", ["shop-cache"])]


def test_waves_and_groups_are_moved_by_button_and_the_button_keeps_the_focus(page: Page, plan: Plan) -> None:
    up = page.get_by_role("button", name="Move wave Web up")
    up.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(up).to_be_focused()
    expect(page.locator("[data-status]")).to_have_text("Web is now 2 of 4.")
    page.get_by_role("button", name="Move group shop-cache up").click()
    moved = "shop-cache is now 2 of 2 in Protection groups of wave Reports"
    expect(page.locator("[data-status]")).to_contain_text(moved)
    save(page)
    expect(page.get_by_text("Saved: this is revision 2.")).to_be_visible()
    assert saved(plan) == [
        ("Databases", ["shop-db"]),
        ("Web", ["shop-web"]),
        ("App", ["shop-app"]),
        ("Reports", ["shop-reports", "shop-cache"]),
    ]


def test_waves_and_groups_are_moved_by_alt_and_arrow(page: Page) -> None:
    wave(page, "Web").focus()
    page.keyboard.press("Alt+ArrowUp")
    page.keyboard.press("Alt+ArrowUp")
    expect(wave(page, "Web")).to_be_focused()
    group(page, "shop-app").focus()
    page.keyboard.press("Alt+ArrowUp")
    assert shown(page) == [
        ("Databases", ["shop-db"]),
        ("Web", ["shop-web", "shop-app"]),
        ("App", []),
        ("Reports", ["shop-reports"]),
    ]


def test_moving_everything_back_leaves_nothing_to_save(page: Page) -> None:
    bar = page.get_by_text("The order is not saved yet.")
    page.get_by_role("button", name="Move wave App down").click()
    expect(bar).to_be_visible()
    page.get_by_role("button", name="Move wave App up").click()
    expect(bar).to_be_hidden()


def test_undo_brings_the_saved_order_back(page: Page, plan: Plan) -> None:
    page.get_by_role("button", name="Move wave App up").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("The order is not saved yet.")).to_be_hidden()
    assert shown(page) == saved(plan)


def test_somebody_was_quicker_nothing_is_lost_and_both_orders_are_shown(page: Page, plan: Plan) -> None:
    dana = make_user("dana", "recovery manager")
    page.get_by_role("button", name="Move wave Web up").click()
    changes = {"waves": [*selectors.document(plan)["waves"], {"name": "Mail", "protection_groups": ["shop-cache"]}]}
    services.plan_patch(changes=changes, by=dana, plan=plan)
    save(page)
    expect(page.get_by_role("alert")).to_contain_text("dana saved revision 2")
    assert [name for name, _ in shown(page)] == ["Databases", "App", "Web", "Reports", "Mail"]
    assert [name for name, _ in saved(plan)] == ["Databases", "App", "Reports", "Web", "Mail"]
    # Whether Mail is to follow Web or Reports is for a person to say.
    page.get_by_label("Yours: Databases, App, Web, Reports, Mail").check()
    save(page)
    expect(page.get_by_text("Saved: this is revision 3.")).to_be_visible()
    assert [name for name, _ in saved(plan)] == ["Databases", "App", "Web", "Reports", "Mail"]


def test_a_wave_that_was_emptied_is_named_and_stays_as_it_was_left(page: Page, plan: Plan) -> None:
    group(page, "shop-app").focus()
    page.keyboard.press("Alt+ArrowUp")
    save(page)
    expect(page.get_by_role("alert")).to_contain_text("Wave “App” is empty")
    assert shown(page)[:2] == [("Databases", ["shop-db", "shop-app"]), ("App", [])]
    group(page, "shop-cache").focus()
    for _ in range(3):
        page.keyboard.press("Alt+ArrowUp")
    drag(page, group(page, "shop-cache"), wave(page, "App").locator("[data-groups]"))
    save(page)
    expect(page.get_by_text("Saved: this is revision 2.")).to_be_visible()
    assert saved(plan)[:2] == [("Databases", ["shop-db", "shop-app"]), ("App", ["shop-cache"])]


def test_leaving_with_an_unsaved_order_asks_first(page: Page) -> None:
    page.get_by_role("button", name="Move wave App up").click()
    asked: list[str] = []

    def stay(dialog: object) -> None:
        asked.append(dialog.type)  # type: ignore[attr-defined]
        dialog.accept()  # type: ignore[attr-defined]

    page.on("dialog", stay)
    page.get_by_role("link", name="Revisions").click()
    expect(page).to_have_url(re.compile("/history/$"))
    assert asked == ["beforeunload"]


def test_on_a_phone_nothing_sticks_out_and_a_finger_is_enough(sign_in: SignIn, petra: User, plan: Plan) -> None:
    page = sign_in(petra, PHONE)
    page.goto(f"/admin/plans/plan/{plan.pk}/change/")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.get_by_role("button", name="Move wave Web up").click()
    save(page)
    expect(page.get_by_text("Saved: this is revision 2.")).to_be_visible()
    assert [name for name, _ in saved(plan)] == ["Databases", "App", "Web", "Reports"]


def test_a_viewer_sees_the_board_and_can_move_nothing(sign_in: SignIn, plan: Plan) -> None:
    page = sign_in(make_user("vera", "viewer"))
    page.goto(f"/admin/plans/plan/{plan.pk}/change/")
    expect(wave(page, "Web")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^Move"))).to_have_count(0)
    expect(page.get_by_role("link", name=re.compile("Edit|Settings|Delete|Add"))).to_have_count(0)


def test_a_wave_is_made_with_a_step_of_a_kind_whose_fields_appear(page: Page, plan: Plan) -> None:
    page.get_by_role("link", name="Add a wave").click()
    page.get_by_label("Name").fill("Mail")
    page.get_by_label("shop-cache").check()
    page.get_by_role("button", name="Add a step").click()
    expect(page.get_by_label("Name").first).to_have_value("Mail")
    expect(page.get_by_label("shop-cache")).to_be_checked()
    step = page.locator(".dr-fieldset")
    step.get_by_label("Name").fill("Mail answers")
    expect(step.get_by_label("Host")).to_be_hidden()
    step.get_by_label("Kind").select_option("tcp_check")
    step.get_by_label("Host").fill("mail.example.com")
    page.get_by_role("button", name="Save wave").click()
    # The port is missing: said at its field, and nothing typed is lost.
    expect(step.get_by_text("needs port")).to_be_visible()
    expect(step.get_by_label("Host")).to_have_value("mail.example.com")
    step.get_by_label("Port").fill("25")
    page.get_by_role("button", name="Save wave").click()
    expect(page.get_by_text("Saved as revision 2.")).to_be_visible()
    made = selectors.document(selectors.plan_get(plan.pk))["waves"][4]
    assert (made["name"], made["depends_on"], made["protection_groups"]) == ("Mail", None, ["shop-cache"])
    assert made["steps"][0]["parameters"] == {"host": "mail.example.com", "port": 25, "every_seconds": 10}
