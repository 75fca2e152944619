"""The audit trail as auditors and scripts read it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.test import APIClient

from access.services import token_issue
from audit import checking, selectors
from audit.models import Event, TrailCheck
from audit.once import triggers
from audit.once.append_only import AppendOnly
from audit.record import events_of
from audit.selectors import Narrowed
from audit.tasks import trail_verify
from protection import services
from protection.models import Site
from tests.factories.executions import running_drill
from tests.factories.people import PASSWORD, SEES_ALL
from tests.pages import press

pytestmark = pytest.mark.django_db
AUDIT = "/api/v1/audit/"
VERIFY = "/api/v1/audit/verify/"
TRAIL = "/admin/audit/event/"
#: What PostgreSQL and SQLite call the index of a chain's events.
CHAINS = "audit_event_once or sqlite_autoindex_audit_event_1"
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
Api = Callable[[User | None], APIClient]
BrowserOf = Callable[[User], Client]


@pytest.fixture
def frankfurt(ada: User) -> Site:
    site = services.site_create(name="Frankfurt", account_id="111122223333", region="eu-central-1", by=ada)
    return services.site_update(site=site, changes={"name": "Main", "external_id": "hush"}, by=ada)


def types(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [each["type"] for each in answer.json()["results"]]


def text(answer: Any) -> str:
    assert answer.status_code == 200, answer
    return str(answer.content.decode())


# --- the API ------------------------------------------------------------------------------------------------------


def test_an_event_says_all_that_there_is_to_know(api: Api, aldo: User, ada: User, frankfurt: Site) -> None:
    newest = api(aldo).get(AUDIT, {"subject_type": "site"}).json()["results"][0]
    assert newest == {
        "subject_type": "site",
        "subject_id": str(frankfurt.pk),
        "subject_name": "Main",
        "sequence": 2,
        "at": newest["at"],
        "actor": "ada",
        "actor_id": ada.pk,
        "type": "site.changed",
        "subject": "Main",
        "sentence": "Site Main was changed: name and external id.",
        "via": "engine",
        "origin": {},
        "detail": {
            "before": {"name": "Frankfurt", "external_id": None},
            "after": {"name": "Main", "external_id": "changed"},
        },
        "hash": newest["hash"],
    }


def test_it_is_newest_first_or_oldest_first_and_paged_by_cursor(api: Api, aldo: User, frankfurt: Site) -> None:
    drill = running_drill()
    query = {"subject": str(drill.pk), "page_size": 4}
    for ordering, expected in (("at", 1), ("-at", 9), ("", 9)):
        page = api(aldo).get(AUDIT, {**query, **({"ordering": ordering} if ordering else {})}).json()
        seen = [each["sequence"] for each in page["results"]]
        while page["next"]:
            page = api(aldo).get(page["next"]).json()
            seen += [each["sequence"] for each in page["results"]]
        assert seen == (list(range(1, 10)) if expected == 1 else list(range(9, 0, -1)))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"subject_type": "site"}, ["site.changed", "site.created"]),
        ({"subject_type": "site", "subject": "Main"}, ["site.changed", "site.created"]),
        ({"subject": "Frankfurt"}, ["site.created"]),
        ({"type": "site.created"}, ["site.created"]),
        ({"type": "site.*"}, ["site.changed", "site.created"]),
        ({"type": "site.*", "actor": "dana"}, []),
        ({"type": "site.*", "actor": "ada"}, ["site.changed", "site.created"]),
        ({"type": "site.*", "via": "engine", "after": "2020-01-01T00:00:00Z"}, ["site.changed", "site.created"]),
        ({"type": "site.*", "before": "2020-01-01T00:00:00Z"}, []),
        ({"type": "site.*", "via": "api"}, []),
    ],
)
def test_filters(api: Api, aldo: User, frankfurt: Site, query: dict[str, str], expected: list[str]) -> None:
    assert types(api(aldo).get(AUDIT, query)) == expected


@pytest.mark.parametrize(
    "query",
    [
        {"subject_type": "moon"},
        {"type": "site.exploded"},
        {"via": "letter"},
        {"after": "yesterday"},
        {"ordering": "hash"},
    ],
)
def test_what_cannot_be_asked_for_is_a_400(api: Api, aldo: User, query: dict[str, str]) -> None:
    answer = api(aldo).get(AUDIT, query)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["attr"] == next(iter(query))


def test_verifying_says_what_is_wrong_and_where(api: Api, aldo: User, frankfurt: Site) -> None:
    answer = api(aldo).post(VERIFY).json()
    assert (answer["ok"], answer["faults"], answer["requested_by"]) == (True, [], "aldo")
    assert answer["events"] == Event.objects.count()
    [warning] = answer["warnings"]  # tests run without the triggers
    assert warning.startswith(
        "The database does not refuse changes of audit_event, audit_milestone, audit_sealeddocument,"
    )
    triggers.install(connection, AppendOnly.tables())
    assert api(aldo).post(VERIFY).json()["warnings"] == []
    triggers.remove(connection, AppendOnly.tables())
    with connection.cursor() as cursor:
        cursor.execute("UPDATE audit_event SET actor = 'nobody' WHERE type = 'site.created'")
    answer = api(aldo).post(VERIFY).json()
    assert answer["ok"] is False
    assert ("site", str(frankfurt.pk), "Main") in {
        (fault["subject_type"], fault["subject_id"], fault["name"]) for fault in answer["faults"]
    }


def test_the_trail_is_verified_by_one_at_a_time(api: Api, aldo: User) -> None:
    checking.check_make()
    TrailCheck.objects.all().nudge()
    claim = TrailCheck.objects.claim("trail", seconds=60)
    refused = api(aldo).post(VERIFY)
    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:drsorch:problem:verification-running"
    assert claim is not None


@pytest.mark.parametrize("who", ["vera", "dana", "petra", "omar", "ravi"])
def test_only_auditors_and_administrators_read_it(
    request: pytest.FixtureRequest, api: Api, browser_of: BrowserOf, who: str
) -> None:
    user = request.getfixturevalue(who)
    refused = api(user).get(AUDIT)
    assert refused.status_code == 403
    assert "auditor" in refused.json()["detail"]
    assert api(user).post(VERIFY).status_code == 403
    browser = browser_of(user)
    for page in (TRAIL, f"{TRAIL}verify/", "/admin/auth/user/", "/admin/access/role/", "/admin/access/apitoken/"):
        assert browser.get(page).status_code == 403
    assert TRAIL not in text(browser.get("/admin/"))


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nobody_changes_it(api: Api, browser_of: BrowserOf, ada: User, frankfurt: Site, method: str) -> None:
    assert getattr(api(ada), method)(AUDIT, {}).status_code == 405
    assert getattr(api(ada), method)(f"{AUDIT}1/", {}).status_code == 404
    assert getattr(browser_of(ada), method)(TRAIL, {}).status_code == 405
    for page in ("add", "1/change", "1/delete"):
        assert getattr(browser_of(ada), method)(f"{TRAIL}{page}/", {}).status_code in (403, 404)


def test_what_a_person_does_to_an_execution_says_from_where(aldo: User, api: Api, omar: User) -> None:
    drill = running_drill()
    _, secret = token_issue(user=omar, name="pipeline", by=None)
    script = APIClient(REMOTE_ADDR="203.0.113.9")
    script.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    script.post(f"/api/v1/executions/{drill.pk}/pause/", {"comment": "A word."})
    paused = api(aldo).get(AUDIT, {"subject_type": "execution", "type": "execution.paused"}).json()["results"][0]
    assert (paused["actor"], paused["actor_id"], paused["via"]) == ("omar", omar.pk, "api")
    assert (paused["origin"]["address"], paused["origin"]["token"]) == ("203.0.113.9", "pipeline")
    assert paused["subject_name"] == str(drill)


# --- screens ------------------------------------------------------------------------------------------------------


def test_the_trail_shows_who_did_what_from_where_with_before_and_after(
    browser_of: BrowserOf, aldo: User, ada: User, frankfurt: Site
) -> None:
    browser = Client(REMOTE_ADDR="203.0.113.9")
    browser.force_login(ada, backend="django.contrib.auth.backends.ModelBackend")
    press(browser, f"/admin/protection/site/{frankfurt.pk}/delete/")
    shown = text(browser_of(aldo).get(TRAIL, {"type": "site.deleted"}))
    for words in ("Site Main was deleted.", "on a screen", "from 203.0.113.9", "history of site Main", "eu-central-1"):
        assert words in shown
    assert "hush" not in shown
    assert reverse("admin:protection_site_change", args=[frankfurt.pk]) not in shown  # it is gone


def test_a_filter_that_makes_no_sense_is_said_at_its_field(browser_of: BrowserOf, aldo: User) -> None:
    assert "Enter a date and time" in text(browser_of(aldo).get(TRAIL, {"after": "soon"}))
    assert "Select a valid choice" in text(browser_of(aldo).get(TRAIL, {"type": "moon"}))
    assert "No event matches." in text(browser_of(aldo).get(TRAIL, {"subject": "moon"}))


def test_pages_lead_to_every_event_once_there_and_back(
    browser_of: BrowserOf, aldo: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    drill = running_drill()
    monkeypatch.setattr(selectors, "PAGE", 4)
    found = selectors.events(Narrowed(subject=str(drill.pk)), aldo)
    pages = [selectors.page(found)]
    while pages[-1].older is not None:
        pages.append(selectors.page(found, older_than=pages[-1].older))
    assert [[event.sequence for event in page.events] for page in pages] == [[9, 8, 7, 6], [5, 4, 3, 2], [1]]
    assert pages[0].newer is None
    back = selectors.page(found, newer_than=pages[2].newer)
    assert [event.sequence for event in back.events] == [5, 4, 3, 2]
    assert [event.sequence for event in selectors.page(found, newer_than=back.newer).events] == [9, 8, 7, 6]
    shown = text(browser_of(aldo).get(TRAIL, {"subject": str(drill.pk)}))
    assert f"subject={drill.pk}&amp;older=" in shown


def test_a_page_takes_a_few_queries_however_many_events_it_shows(
    browser_of: BrowserOf, aldo: User, frankfurt: Site
) -> None:
    browser = browser_of(aldo)
    browser.get(TRAIL)
    with CaptureQueriesContext(connection) as few:
        browser.get(TRAIL)
    for _ in range(3):
        running_drill()
    with CaptureQueriesContext(connection) as more:
        browser.get(TRAIL)
    assert len(more) <= len(few) + 2  # executions are asked for, too


def year_of_drills() -> None:
    """3,000 events, an hour apart, of which each filter of the test finds a few."""
    rare = ({"actor": "ada"}, {"type": "site.changed"}, {"via": "command"}, {"subject_type": "site"}, {"subject": "7"})
    Event.objects.bulk_create(
        Event(
            **{
                "subject_type": "execution", "subject_id": str(number // 100), "sequence": number, "actor": "drsorch",
                "at": NOON - timedelta(hours=number), "type": "server.launched", "subject": f"web-{number % 300}",
                "hash": "0" * 64, **(rare[number % 5] if number % 600 < 5 else {}),
            }
        )
        for number in range(3_000)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "index"),
    [
        (Narrowed(), "audit_event_by_time"),
        (Narrowed(actor="ada"), "audit_event_by_actor"),
        (Narrowed(type="site.changed"), "audit_event_by_type"),
        (Narrowed(type="site.*"), "audit_event_by_type"),
        (Narrowed(via="command"), "audit_event_by_door"),
        (Narrowed(subject_type="site"), CHAINS),
        (Narrowed(subject_type="site", subject="7"), CHAINS),
        (Narrowed(subject="7"), CHAINS),
        (Narrowed(subject="7"), "audit_event_by_subject"),
        (Narrowed(after=NOON, before=NOON), "audit_event_by_time"),
    ],
)
def test_each_filter_has_its_index(asked: Narrowed, index: str) -> None:
    if connection.vendor == "postgresql":  # which chooses by what it knows of the rows
        year_of_drills()
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE audit_event")
    plan = selectors.events(asked, SEES_ALL).order_by("-at", "-id")[:50].explain()
    assert any(name in plan for name in index.split(" or "))


@pytest.mark.parametrize(
    ("page", "chain"),
    [
        ("/admin/protection/site/{site}/history/", "subject_type=site&subject={site}"),
        ("/admin/protection/protectiongroup/7/history/", "subject_type=protection_group&subject=7"),
        ("/admin/auth/user/7/history/", "subject_type=user&subject=7"),
        ("/admin/access/role/1/history/", "subject_type=role&subject=1"),
    ],
)
def test_a_history_is_the_chain_also_of_what_was_deleted(
    browser_of: BrowserOf, aldo: User, frankfurt: Site, page: str, chain: str
) -> None:
    leads_to = browser_of(aldo).get(page.format(site=frankfurt.pk)).headers["Location"]
    assert leads_to == f"{TRAIL}?{chain.format(site=frankfurt.pk)}"
    text(browser_of(aldo).get(leads_to))


def test_pages_lead_to_their_history_for_those_who_may_read_it(
    browser_of: BrowserOf, aldo: User, vera: User, frankfurt: Site
) -> None:
    page = f"/admin/protection/site/{frankfurt.pk}/change/"
    history = f"/admin/protection/site/{frankfurt.pk}/history/"
    assert history in text(browser_of(aldo).get(page))
    assert history not in text(browser_of(vera).get(page))


def test_the_button_has_a_worker_verify_and_the_pages_say_what_it_found(
    browser_of: BrowserOf, aldo: User, vera: User, frankfurt: Site
) -> None:
    browser = browser_of(aldo)
    assert "never been verified" in text(browser.get(f"{TRAIL}verify/"))
    assert "being verified" in text(browser.post(f"{TRAIL}verify/", follow=True))
    trail_verify("trail")
    assert "intact" in text(browser.get(f"{TRAIL}verify/state/"))
    assert browser.get(f"{TRAIL}verify/state/?whole").headers["HX-Refresh"] == "true"
    with connection.cursor() as cursor:
        cursor.execute("UPDATE audit_event SET actor = 'nobody' WHERE type = 'site.created'")
    browser.post(f"{TRAIL}verify/")
    trail_verify("trail")
    shown = text(browser.get(f"{TRAIL}verify/"))
    assert "damaged" in shown
    assert f"subject_type=site&amp;subject={frankfurt.pk}" in shown
    damaged = "The audit trail is damaged: verifying it found"
    assert damaged in text(browser.get("/admin/"))
    assert damaged not in text(browser_of(vera).get("/admin/"))


def test_the_trail_is_verified_every_day_without_anybody_asking(db: None) -> None:
    checking.check_make()
    TrailCheck.objects.all().nudge()
    trail_verify("trail")
    check = TrailCheck.objects.get()
    assert check.finished_at is not None
    assert check.due_at == check.finished_at + checking.EVERY


# --- people, roles and tokens, to be looked at -----------------------------------------------------------------------


def test_an_auditor_sees_people_roles_and_tokens_and_changes_none(
    browser_of: BrowserOf, aldo: User, dana: User
) -> None:
    token, secret = token_issue(user=dana, name="pipeline", by=None)
    browser = browser_of(aldo)
    people = text(browser.get("/admin/auth/user/"))
    assert "recovery manager" in people
    assert "Last sign-in" in people
    one = text(browser.get(f"/admin/auth/user/{dana.pk}/change/"))
    for words in ("recovery manager", "Second factor", "never"):
        assert words in one
    assert dana.password not in one
    assert "md5" not in one
    assert browser.post(f"/admin/auth/user/{dana.pk}/change/", {"username": "mallory"}).status_code == 403
    assert browser.post(f"/admin/auth/user/{dana.pk}/password/", {}).status_code == 403
    assert browser.get("/admin/auth/user/add/").status_code == 403
    assert browser.post(f"/admin/auth/user/{dana.pk}/delete/", {"post": "yes"}).status_code == 403
    roles = text(browser.get("/admin/access/role/"))
    assert "dana" in roles
    manager = dana.groups.get()
    assert "start a recovery" in text(browser.get(f"/admin/access/role/{manager.pk}/change/"))
    assert browser.post(f"/admin/access/role/{manager.pk}/change/", {"name": "x"}).status_code == 403
    tokens = text(browser.get("/admin/access/apitoken/"))
    for words in ("pipeline", "dana", "never"):
        assert words in tokens
    assert secret not in tokens
    assert browser.post(f"/admin/access/apitoken/{token.pk}/delete/", {"post": "yes"}).status_code == 403


def test_events_of_a_chain_are_read_by_whoever_sees_its_execution(api: Api, vera: User) -> None:
    drill = running_drill()
    answer = api(vera).get(f"/api/v1/executions/{drill.pk}/events/")
    assert len(answer.json()["results"]) == events_of(drill).count()
    assert "origin" not in answer.json()["results"][0]
    assert PASSWORD not in str(answer.json())
