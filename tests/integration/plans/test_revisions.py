"""Revisions of a plan on its pages: what changed, by whom, any two of them, and bringing one back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client

from plans import selectors, services
from plans.models import Plan
from tests.factories.executions import START, ExecutionFactory
from tests.factories.protection import make_group_with_servers
from tests.integration.plans.test_screens import LIST, document, url
from tests.pages import text_of

pytestmark = [pytest.mark.any_database, pytest.mark.django_db]
Browser = Callable[[User], Client]


def test_revisions_show_who_and_what_and_can_be_brought_back(
    browser_of: Browser, petra: User, dana: User, plan: Plan
) -> None:
    services.plan_patch(changes={"rto_target_seconds": 7200, "waves": []}, by=dana, plan=plan)
    client = browser_of(petra)
    text = client.get(url(plan, "history")).content.decode()
    changed = ("RTO target", "2 h", "Wave Web", "shop-web", "removed")
    for shown in ("Revision 2", "dana", *changed, "The plan was created."):
        assert shown in text
    client.post(f"{LIST}{plan.pk}/revisions/1/restore/", {"version": "2"})
    assert len(document(plan)["waves"]) == 4
    assert selectors.plan_now(plan).version == 3


def test_any_two_revisions_are_compared_and_each_says_which_run_it_succeeded_in(
    browser_of: Browser, petra: User, dana: User, plan: Plan
) -> None:
    services.plan_patch(changes={"rto_target_seconds": 7200}, by=dana, plan=plan)
    services.plan_patch(changes={"contacts": "Dana"}, by=petra, plan=plan)
    for days, (revision, status) in enumerate([(1, "succeeded"), (1, "succeeded"), (2, "succeeded"), (3, "failed")]):
        at = START + timedelta(days=days)
        ExecutionFactory.create(plan=plan, plan_revision=revision, status=status, requested_at=at)
    client = browser_of(petra)
    text = text_of(client.get(f"{url(plan, 'compare')}?older=1&newer=3"))
    assert "From revision 1 to revision 3" in text
    assert "RTO target 1 h 2 h" in text
    assert "Contacts none Dana" in text
    # The newest success of a revision; one that failed proves nothing.
    assert text.count("succeeded in the drill of") == 1
    assert "succeeded in the drill of 24 Nov 2026 09:00:00 UTC" in text
    assert "RTO target 2 h 1 h" in text_of(client.get(f"{url(plan, 'compare')}?older=3&newer=1"))
    assert "From revision 2 to revision 3" in text_of(client.get(url(plan, "compare")))
    assert "both say the same" in text_of(client.get(f"{url(plan, 'compare')}?older=2&newer=2"))
    assert text_of(client.get(url(plan, "history"))).count("succeeded in") == 2
    assert "of revision 2: what has changed since" in text_of(client.get(url(plan, "change")))


@pytest.mark.parametrize("asked", ["?older=1&newer=9", "?older=x&newer=1", "?older=-1&newer=99999999999999999999"])
def test_revisions_that_are_not_there_cannot_be_compared(
    browser_of: Browser, petra: User, plan: Plan, asked: str
) -> None:
    answer = browser_of(petra).get(url(plan, "compare") + asked)
    assert answer.status_code == 400
    assert "Compare revisions" in text_of(answer)


def test_a_revision_whose_group_is_gone_says_so(browser_of: Browser, petra: User, plan: Plan) -> None:
    services.plan_patch(changes={"waves": []}, by=petra, plan=plan)
    group = make_group_with_servers("x").__class__.objects.get(name="shop-web")
    group.delete()
    answer = browser_of(petra).post(f"{LIST}{plan.pk}/revisions/1/restore/", {"version": "2"}, follow=True)
    assert "there is no protection group “shop-web”" in answer.content.decode()
    assert document(plan)["waves"] == []
