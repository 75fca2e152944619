"""What all screens share: an error is one page, a badge is one mark, a field is tied to its help."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.template import Context, Template
from django.test import Client

from foundation.screens import badge_html
from foundation.wording import Badge, Tone
from plans.models import Plan
from tests.factories.executions import running_drill
from tests.factories.people import make_user
from tests.factories.plans import make_web_shop
from tests.factories.protection import ServerFactory, SiteFactory

pytestmark = [pytest.mark.django_db, pytest.mark.either_database]
BrowserOf = Callable[[User], Client]


@pytest.fixture
def plan(petra: User) -> Plan:
    return make_web_shop(petra)


@pytest.mark.parametrize(
    "address",
    [
        "/admin/plans/plan/4711/change/",
        "/admin/plans/plan/4711/settings/",
        "/admin/executions/start/4711/",
        "/admin/executions/execution/00000000-0000-0000-0000-000000000000/change/",
        "/admin/protection/site/4711/state/",
        "/admin/protection/sourceserver/4711/points/",
    ],
)
def test_what_does_not_exist_is_the_same_page_everywhere(browser_of: BrowserOf, dana: User, address: str) -> None:
    answer = browser_of(dana).get(address)
    assert answer.status_code == 404
    assert "admin/problem.html" in [template.name for template in answer.templates]
    assert re.search(r"There is no (plan|execution|site|source server) ", answer.content.decode())


def test_what_is_not_allowed_is_the_same_page_everywhere(browser_of: BrowserOf, plan: Plan) -> None:
    site, server, drill = SiteFactory.create(), ServerFactory.create(), running_drill()
    browser = browser_of(make_user("nobody"))
    for address in (
        f"/admin/plans/plan/{plan.pk}/change/",
        f"/admin/plans/plan/{plan.pk}/wave/",
        "/admin/plans/plan/add/",
        f"/admin/executions/start/{plan.pk}/",
        f"/admin/executions/execution/{drill.pk}/change/",
        f"/admin/protection/site/{site.pk}/state/",
        f"/admin/protection/sourceserver/{server.pk}/points/",
        "/admin/protection/protectiongroup/servers/",
        "/admin/dashboard/running/",
    ):
        answer = browser.get(address)
        assert answer.status_code == 403, address
        assert "Ask an administrator for one of these roles" in answer.content.decode(), address


def test_every_help_and_error_of_a_field_is_tied_to_it(
    browser_of: BrowserOf, dana: User, plan: Plan, omar: User
) -> None:
    drill = running_drill()
    planner, manager = browser_of(User.objects.get(username="petra")), browser_of(dana)
    step = {"steps-TOTAL_FORMS": "1", "steps-INITIAL_FORMS": "0", "steps-0-kind": "wait", "replacing": "App"}
    for answer in (
        manager.get(f"/admin/executions/start/{plan.pk}/?kind=recovery"),
        manager.post(f"/admin/executions/start/{plan.pk}/?kind=recovery", {"moment": "at"}),
        browser_of(omar).get(f"/admin/executions/execution/{drill.pk}/command/retry/?wave=App"),
        planner.get(f"/admin/plans/plan/{plan.pk}/settings/"),
        planner.post(f"/admin/plans/plan/{plan.pk}/wave/", step),
    ):
        content = answer.content.decode()
        named = {one for each in re.findall(r'aria-describedby="([^"]+)"', content) for one in each.split()}
        assert named
        assert named <= set(re.findall(r'\bid="([^"]+)"', content))


def test_a_badge_is_the_same_in_a_template_and_in_a_list() -> None:
    shown = Badge("<b>late</b>", Tone.WARN, "schedule")
    drawn = Template("{% load kit %}{% badge shown %}").render(Context({"shown": shown}))
    assert drawn == badge_html(shown)
    assert 'data-tone="warn"' in drawn
    assert "&lt;b&gt;late&lt;/b&gt;" in drawn
    assert "is-large" in Template("{% load kit %}{% badge shown large=True %}").render(Context({"shown": shown}))


def test_a_list_says_that_it_left_out_a_filter_which_it_does_not_know(browser_of: BrowserOf, ada: User) -> None:
    answer = browser_of(ada).get("/admin/auth/user/?colour=red", follow=True)
    assert "a filter that this list does not know" in answer.content.decode()
