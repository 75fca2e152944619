"""The board of a plan in a real browser: built by mouse and by keyboard, and nothing that a person entered is lost."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Locator, Page, expect

from plans import selectors, services
from plans.models import Plan
from tests.browser.conftest import PHONE, SignIn
from tests.browser.test_accessibility import LIGHT, found_by_axe
from tests.factories.people import make_user
from tests.factories.plans import make_shop_groups, make_web_shop
from tests.factories.protection import make_group_with_servers

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

#: name, what it waits for, its groups
Waves = list[tuple[str, list[str], list[str]]]
WEB_SHOP: Waves = [
    ("Databases", [], ["shop-db"]),
    ("App", ["Databases"], ["shop-app"]),
    ("Reports", ["Databases"], ["shop-reports"]),
    ("Web", ["App"], ["shop-web"]),
]


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


def opened(page: Page, plan: Plan) -> Page:
    page.goto(f"/admin/plans/plan/{plan.pk}/change/")
    return page


@pytest.fixture
def page(sign_in: SignIn, petra: User, plan: Plan) -> Page:
    return opened(sign_in(petra), plan)


def wave(page: Page, name: str) -> Locator:
    return page.locator("[data-wave]").filter(
        has=page.locator("[data-name]", has_text=re.compile(f"^{re.escape(name)}$"))
    )


def group(page: Page, name: str) -> Locator:
    return page.locator(f'[data-group="{name}"]')


def bar(page: Page) -> Locator:
    return page.locator("[data-bar]")


def said(page: Page) -> Locator:
    return page.locator("[data-status]")


def drag(page: Page, what: Locator, to: Locator) -> None:
    """Press on `what`, move in steps as a hand does, and let go on the middle of `to`."""
    to.scroll_into_view_if_needed()
    start, end = what.bounding_box(), to.bounding_box()
    assert start
    assert end
    page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
    page.mouse.down()
    x, y = end["x"] + end["width"] / 2, end["y"] + end["height"] / 2
    page.mouse.move(x, y, steps=10)
    page.mouse.move(x, y + 2, steps=3)
    page.mouse.up()


def drag_group(page: Page, name: str, to: Locator) -> None:
    drag(page, group(page, name).get_by_text("servers"), to.locator("[data-groups]"))


def pull(page: Page, source: str, target: str) -> None:
    drag(page, wave(page, source).locator("[data-pull]"), wave(page, target))


def saved(plan: Plan) -> Waves:
    document = selectors.document(selectors.plan_now(plan))
    return [(one["name"], one["depends_on"] or [], one["protection_groups"]) for one in document["waves"]]


def built() -> Waves:
    """The waves of the one plan there is, by name; its last one has a step."""
    plan = selectors.plan_now(Plan.objects.get())
    [step] = next(wave["steps"] for wave in selectors.document(plan)["waves"] if wave["name"] == "Web")
    assert (step["name"], step["kind"], step["when"]) == ("Go for web", "approval", "before")
    return sorted(saved(plan), key=lambda one: [name for name, _, _ in WEB_SHOP].index(one[0]))


def save(page: Page, revision: int) -> None:
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text(f"Saved: this is revision {revision}.")).to_be_visible()


def test_a_plan_is_built_from_nothing_by_mouse(sign_in: SignIn, petra: User) -> None:
    """The names alone are typed. A wave is added after another one, or alone, and then a line is pulled to it."""
    make_shop_groups()
    page = sign_in(petra)
    page.goto("/admin/plans/plan/add/")
    presses = 0

    def press(what: Locator, name: str = "") -> None:
        nonlocal presses
        presses += 1
        what.click()
        page.keyboard.type(name)

    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type("Web shop")
    press(page.get_by_role("button", name="Create plan"))
    # The board is ready: it has taken the focus.
    expect(page.get_by_role("button", name="Add wave")).to_be_focused()
    press(page.get_by_role("button", name="Add wave"), "Databases\n")
    press(wave(page, "Databases").locator("[data-pull]"), "App\n")
    press(wave(page, "App").locator("[data-pull]"), "Web\n")
    press(page.get_by_role("button", name="Add wave"), "Reports\n")
    pull(page, "Databases", "Reports")
    expect(page.locator(".is-line")).to_have_count(3)
    for name, of in (("shop-db", "Databases"), ("shop-app", "App"), ("shop-reports", "Reports"), ("shop-web", "Web")):
        drag_group(page, name, wave(page, of))
    expect(bar(page)).to_contain_text("Web is new: it waits for App.")
    # Saves what there is, and leads to the steps of the wave.
    press(wave(page, "Web").get_by_role("link", name="Rules and steps"))
    press(page.get_by_role("button", name="Add a step"), "Go for web")
    press(page.get_by_role("button", name="Save wave"))
    expect(page.get_by_text("Saved as revision 3.")).to_be_visible()
    assert built() == WEB_SHOP
    assert presses + 5 == 13  # with what was dragged and pulled


def test_a_plan_is_built_from_nothing_by_keyboard_alone(sign_in: SignIn, petra: User) -> None:
    make_shop_groups()
    page = sign_in(petra)
    page.goto("/admin/plans/plan/add/")
    presses = 0

    def press(*keys: str, name: str = "") -> None:
        nonlocal presses
        presses += len(keys)
        for key in keys:
            page.keyboard.press(key)
        page.keyboard.type(name)

    expect(page.get_by_label("Name")).to_be_focused()
    press(name="Web shop")
    press("Enter")
    expect(page.get_by_role("button", name="Add wave")).to_be_focused()
    press("Enter", name="Databases")
    press("Enter", "g", "ArrowDown", "Enter")  # what is unassigned is listed by name: shop-db is the second
    press("n", name="App")
    press("Enter", "g", "Enter", "ArrowLeft", "n", name="Reports")
    press("Enter", "g", "Enter", "ArrowUp", "n", name="Web")
    press("Enter", "g", "Enter")
    expect(said(page)).to_have_text("shop-web is in Web.")
    press("e")  # saves what there is, and leads to the rules and steps of the wave
    expect(page.get_by_role("heading", name="Rules")).to_be_focused()
    press(*["Tab"] * 5, "Enter", name="Go for web")
    press("Enter")
    expect(page.get_by_text("Saved as revision 3.")).to_be_visible()
    assert built() == WEB_SHOP
    assert presses == 28


def test_what_changes_of_what_waits_for_what_is_said_before_it_is_saved(page: Page, plan: Plan) -> None:
    # Beside Databases: the order of waves alone would have made App wait for something else.
    drag(page, wave(page, "Web").locator(".dr-board-handle"), wave(page, "Databases"))
    expect(bar(page)).to_contain_text("Web will start immediately instead of waiting for App.")
    pull(page, "App", "Databases")
    expect(said(page)).to_have_text("Databases cannot wait for App, because App waits for Databases.")
    pull(page, "Reports", "Web")
    expect(bar(page)).to_contain_text("Web will wait for Reports instead of App.")
    page.keyboard.press("Escape")
    wave(page, "App").get_by_role("button", name="Delete wave App").click()
    expect(bar(page)).to_contain_text("App will be deleted.")
    expect(said(page)).to_have_text("Wave App deleted. Unassigned now: shop-app.")
    page.get_by_role("button", name="Undo").click()
    page.locator(".is-hit").filter(has_text="Reports waits for Databases").click()
    expect(said(page)).to_have_text("Reports does not wait for Databases. It starts immediately.")
    page.get_by_role("button", name="Undo").click()
    save(page, 2)
    assert sorted(saved(plan)) == sorted([*WEB_SHOP[:3], ("Web", ["Reports"], ["shop-web"])])
    page.get_by_role("link", name="Revisions").click()
    expect(page.get_by_text("Web now waits for Reports instead of App.")).to_be_visible()


def test_saving_does_not_wait_for_what_the_board_asks_on_the_way(page: Page, plan: Plan) -> None:
    page.route("**/board/changes/", lambda route: None)  # never answered
    with page.expect_request("**/board/changes/"):
        wave(page, "Reports").get_by_role("button", name="Delete wave Reports").click()
    save(page, 2)
    assert [name for name, _, _ in saved(plan)] == ["Databases", "App", "Web"]


def test_an_empty_wave_and_a_colleague_who_was_quicker_lose_nothing(page: Page, plan: Plan) -> None:
    group(page, "shop-app").get_by_role("button", name="Take shop-app out").click()
    expect(bar(page)).to_contain_text("Wave “App” is empty")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Wave “App” is empty")
    wave(page, "App").get_by_role("button", name="Add groups to App").click()
    page.get_by_role("dialog").get_by_role("checkbox", name="shop-cache").click()
    page.keyboard.press("Escape")
    expect(bar(page)).not_to_contain_text("is empty")
    dana = make_user("dana", "recovery manager")
    changes = {
        "waves": [
            *selectors.document(plan)["waves"],
            {"name": "Mail", "protection_groups": [make_group_with_servers("mail").name]},
        ]
    }
    services.plan_patch(changes=changes, by=dana, plan=plan)
    # What she added goes together with what was changed here.
    save(page, 3)
    assert [(name, groups) for name, _, groups in saved(plan)] == [
        ("Databases", ["shop-db"]),
        ("App", ["shop-cache"]),
        ("Reports", ["shop-reports"]),
        ("Web", ["shop-web"]),
        ("Mail", ["mail"]),
    ]


def test_leaving_with_unsaved_changes_asks_first_and_undoing_them_does_not(page: Page) -> None:
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    wave(page, "App").focus()
    page.keyboard.press("F2")
    page.keyboard.type("Application")
    page.keyboard.press("Enter")
    expect(bar(page)).to_be_visible()
    page.keyboard.press("Control+z")
    expect(bar(page)).to_be_hidden()
    wave(page, "Reports").focus()
    page.keyboard.press("Alt+ArrowUp")
    expect(wave(page, "Reports")).to_be_focused()
    expect(said(page)).to_have_text("Reports is above App. What it waits for is unchanged.")
    page.get_by_role("link", name="Revisions").click()
    expect(page).to_have_url(re.compile("/history/$"))
    assert asked == ["beforeunload"]


def test_on_a_phone_nothing_sticks_out_and_menus_do_it_all(sign_in: SignIn, petra: User, plan: Plan) -> None:
    page = opened(sign_in(petra, PHONE), plan)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    menu = page.get_by_role("dialog")
    wave(page, "Web").get_by_role("button", name="waits for App").click()
    assert found_by_axe(page, {}) == []
    menu.get_by_role("checkbox", name="Reports").click()
    menu.get_by_role("checkbox", name="App").click()
    page.keyboard.press("Escape")
    group(page, "shop-app").get_by_role("button", name="Move shop-app to…").click()
    menu.get_by_role("button", name="Databases").click()
    wave(page, "App").get_by_role("button", name="Delete wave App").click()
    save(page, 2)
    assert saved(plan) == [
        ("Databases", [], ["shop-db", "shop-app"]),
        ("Reports", ["Databases"], ["shop-reports"]),
        ("Web", ["Reports"], ["shop-web"]),
    ]


def test_columns_beyond_the_edge_are_announced_and_one_press_away(sign_in: SignIn, petra: User, plan: Plan) -> None:
    go = [{"name": "Go", "kind": "approval", "when": "before"}]
    chain = [{"name": f"Step {number}", "steps": go} for number in range(8)]
    services.plan_patch(plan=plan, changes={"waves": chain}, by=petra)
    page = opened(sign_in(petra), plan)
    last = wave(page, "Step 7")
    page.emulate_media(reduced_motion="reduce")
    more = page.get_by_role("button", name=re.compile(r"\d more columns?"))
    expect(more).to_have_count(1)
    expect(last).not_to_be_in_viewport()
    right = page.locator("[data-more] button.is-far")
    while right.is_visible():
        right.press("Enter")
        page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    expect(last).to_be_in_viewport(ratio=0.9)
    # The button that was pressed is gone; the one beside it has the focus.
    expect(page.locator("[data-more] button").first).to_be_focused()
    assert found_by_axe(page, LIGHT) == []
    # It says so to readers, too, and not where all is in sight.
    services.plan_patch(plan=plan, changes={"waves": chain[:2]}, by=petra)
    expect(opened(page, plan).locator("[data-more]")).to_be_hidden()


def test_a_viewer_sees_the_board_and_can_change_nothing(sign_in: SignIn, plan: Plan) -> None:
    page = opened(sign_in(make_user("vera", "viewer")), plan)
    expect(page.get_by_role("listitem", name="Wave Web")).to_be_visible()
    expect(page.locator(".is-line")).to_have_count(3)
    expect(page.locator("#board").get_by_role("button")).to_have_count(0)
    expect(page.get_by_role("link", name=re.compile("Edit|Settings|Delete|Add|Rules"))).to_have_count(0)


def test_a_wave_gets_steps_without_a_reload_and_unsaved_input_is_not_left_silently(page: Page, plan: Plan) -> None:
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    wave(page, "Web").get_by_role("link", name="Rules and steps of Web").click()
    # Its scripts are there: before, the server adds the step.
    page.wait_for_load_state("load")
    page.get_by_label("Start delay").fill("1 min")
    button = page.get_by_role("button", name="Add a step")
    for number, name in enumerate(("Smoke test", "Go for web")):
        button.click()
        step = page.locator(".dr-fieldset").nth(number)
        expect(step.get_by_label("Name")).to_be_focused()
        page.keyboard.type(name)
    first = page.locator(".dr-fieldset").first
    expect(first.get_by_label("Host")).to_be_hidden()
    first.get_by_label("Kind").select_option("tcp_check")
    first.get_by_label("Host").fill("shop.example.com")
    page.get_by_role("button", name="Move Go for web up").click()
    page.get_by_role("link", name="Cancel").click()
    assert asked == ["beforeunload"]
    page.get_by_role("button", name="Save wave").click()
    # The port is missing: said at its field, and nothing typed is lost.
    second = page.locator(".dr-fieldset").nth(1)
    expect(second.get_by_text("needs port")).to_be_visible()
    expect(second.get_by_label("Host")).to_have_value("shop.example.com")
    second.get_by_label("Port").fill("443")
    page.get_by_role("button", name="Save wave").click()
    expect(page.get_by_text("Saved as revision 2.")).to_be_visible()
    made = selectors.document(selectors.plan_now(plan))["waves"][3]
    assert (made["start_delay_seconds"], [step["name"] for step in made["steps"]]) == (60, ["Go for web", "Smoke test"])
