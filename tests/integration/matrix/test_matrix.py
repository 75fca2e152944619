"""Role × every address and verb, of screens and API alike: who is let in, and who is refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.template.response import SimpleTemplateResponse
from django.test import Client
from rest_framework.test import APIClient

from access import policy
from access.core.grants import Limits
from access.models import Assignment
from access.policy import POLICY, ROLES, WHOLE
from drs.simulator.inprocess import InProcessDrs
from drs.simulator.world import World as Drs
from drsorch.admin_site import AdminSite
from protection import gateways
from protection.models import Site
from tests.database import undone
from tests.factories.people import make_user
from tests.factories.protection import SiteFactory
from tests.integration.matrix.doors import VERBS, Door, Estate, doors
from tests.integration.matrix.rows import LEADS_ON, NOBODY, NOT_TAKEN, OPEN, ROWS, SIGNED_IN, Need

pytestmark = pytest.mark.any_database

STRANGER, NO_ROLE, SUPERUSER = "a stranger", "no role", "a superuser"
#: Holds every role, and may not use the screens.
API_ONLY = "a user of the API alone"
SUBJECTS = (STRANGER, NO_ROLE, *ROLES, SUPERUSER, API_ONLY)
BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def estate(ada: User) -> Iterator[Estate]:
    with gateways.use(partial(InProcessDrs, Drs("small"))):
        yield Estate(ada)


@pytest.fixture(autouse=True)
def pages_stay_blank(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is let in is decided before a page is written, and writing takes ten times as long."""
    monkeypatch.setattr(SimpleTemplateResponse, "rendered_content", "")
    monkeypatch.setattr(AdminSite, "each_context", lambda self, request: {})
    monkeypatch.setattr("reports.screens.runbook.pdf_of_runbook", lambda *args: b"")


def test_every_door_has_a_row_and_every_row_a_door() -> None:
    found = {door.name for door in doors()}
    assert found == set(ROWS), f"without a row: {found - set(ROWS)}; without a door: {set(ROWS) - found}"
    for door in doors():
        if door.actions is not None and door.name not in ("schema", "docs"):
            assert set(ROWS[door.name]) == set(door.actions), door


def test_every_permission_is_one_of_the_policy_and_opens_a_door() -> None:
    named = {permission for needs in ROWS.values() for need in needs.values() for permission in permissions_in(need)}
    assert named <= set(POLICY)
    #: These open nothing by themselves: each is asked for at a door that takes another one, too.
    inner = {"executions.break_glass", "executions.share_savedfilter", "executions.delete_savedfilter"}
    assert set(POLICY) - named == inner | {"access.revoke_apitoken", "access.view_proposal"}


def test_each_role_goes_through_its_doors_and_no_other(estate: Estate, both_databases: bool) -> None:
    """Whoever must not get in is tried at every door. Of those who must, one is tried at each door, in turn: what lets
    one in and not another is the policy alone, which has a table of its own. `make test BOTH=1` tries all of them."""
    clients = {subject: client_of(subject) for subject in SUBJECTS}
    wrong = []
    for turn, (door, verb, need) in enumerate(every_need()):
        inside = [subject for subject in SUBJECTS if must_get_in(door, need, subject)]
        if inside and not both_databases:
            inside = [inside[turn % len(inside)]]
        outside = [subject for subject in SUBJECTS if not must_get_in(door, need, subject)]
        for subject in (*inside, *outside):
            answer = asked(clients[subject], estate, door, verb)
            if problem := told_wrong(door, need, subject, answer):
                wrong.append(f"{verb.upper()} {door}: {subject} {problem}")
    assert not wrong, "\n".join(wrong)


def every_need() -> Iterator[tuple[Door, str, Need]]:
    for door in doors():
        for verb, need in ROWS[door.name].items():
            yield door, verb, need


def test_a_role_that_is_limited_goes_through_the_doors_of_its_sites_and_no_other(estate: Estate) -> None:
    """Two people hold every role, one at the sites of everything that there is, one at another site. What concerns the
    whole installation is for neither."""
    here, there = list(Site.objects.all()), [SiteFactory.create(name="Elsewhere")]
    inside, outside = limited_to(here), limited_to(there)
    wrong = []
    for door, verb, need in every_need():
        if not permissions_in(need):
            continue
        for client, reaches, who in ((inside, True, "inside"), (outside, not names_something(door), "outside")):
            expected = reaches and not permissions_in(need) <= WHOLE and door.name not in OF_THE_WHOLE
            answer = asked(client, estate, door, verb)
            got_in = not is_refusal(answer) and answer.status_code != 404
            if answer.status_code >= 500 or (got_in != expected and (door.name, verb) not in NOT_THERE):
                wrong.append(f"{verb.upper()} {door}: {who} got {answer.status_code}")
    assert not wrong, "\n".join(wrong)


#: Doors of the trail of what concerns the whole installation, and of verifying all of it.
OF_THE_WHOLE = frozenset({
    *(f"admin:access_{each}_history" for each in (
        "apitoken", "role", "serviceaccount", "providergroup", "providerlink", "signinsession"
    )),
    "admin:auth_user_history",
    "admin:audit_event_verify",
    "admin:audit_event_verify_state",
    "audit-verify",
})  # fmt: skip
#: 404 for whoever gets in: what they name is not there, in DRS or here.
NOT_THERE = frozenset({
    ("source-server-recovery-snapshots", "get"),
    ("execution-kept-basis", "get"),
    ("admin:executions_execution_delete_filter", "post"),
    # No service made these rows, so no event tells of them.
    *(
        (f"admin:protection_{each}_history", verb)
        for each in ("site", "sourceserver", "protectiongroup")
        for verb in ("get", "post")
    ),
})  # fmt: skip


def names_something(door: Door) -> bool:
    """Whether its address names something that is at a site, or of a plan."""
    return bool(set(door.parts) - {"form", "format", "final_dot"})


def limited_to(sites: Sequence[Site]) -> Client:
    user = make_user("")
    for role in Group.objects.filter(name__in=ROLES):
        for site in sites:
            Assignment.objects.create(user=user, role=role, kind="site", target=site.pk, target_name=site.name)
    client = Client(raise_request_exception=False)
    client.force_login(user, backend=BACKEND)
    return client


def test_a_token_without_the_permission_of_a_door_is_refused_there(estate: Estate) -> None:
    """Its owner may do everything."""
    owner, wrong = make_user("", is_superuser=True), []
    for door, verb, need in every_need():
        if not door.is_api or not permissions_in(need):
            continue
        token, api = User.objects.get(pk=owner.pk), APIClient(raise_request_exception=False)
        policy.limit(token, Limits(frozenset(POLICY) - permissions_in(need)))
        api.force_authenticate(token)
        if (status := asked(api, estate, door, verb).status_code) != 403:
            wrong.append(f"{verb.upper()} {door}: {status}")
    assert not wrong, "\n".join(wrong)


def test_no_door_takes_a_verb_that_its_row_does_not_name(estate: Estate) -> None:
    superuser, nobody = client_of(SUPERUSER), client_of(NO_ROLE)
    for door in doors():
        needs = ROWS[door.name]
        for verb in VERBS:
            if verb in needs or (door.name == "api:*"):
                continue
            if door.is_api:
                assert asked(superuser, estate, door, verb).status_code == 405, f"{verb} {door}"
            elif door.is_screen and needs["get"] not in (SIGNED_IN, LEADS_ON, OPEN):
                # Django's pages answer whatever is no POST as a GET: who may not GET is refused that, too.
                assert asked(nobody, estate, door, verb).status_code in {403, 405}, f"{verb} {door}"


def permissions_in(need: Need) -> frozenset[str]:
    if isinstance(need, frozenset):
        return need
    return frozenset({need}) if "." in need else frozenset()


def must_get_in(door: Door, need: Need, subject: str) -> bool:
    """Whether the subject's roles, as the policy has them, are what is needed."""
    if need in (OPEN, LEADS_ON, NOT_TAKEN):
        return True
    if subject == STRANGER or need == NOBODY or (door.is_screen and subject == API_ONLY):
        return False
    if need == SIGNED_IN or subject in (SUPERUSER, API_ONLY):
        return True
    return any(subject in POLICY[permission] for permission in permissions_in(need))


def told_wrong(door: Door, need: Need, subject: str, answer: Any) -> str:
    """What is wrong with an answer, in a few words; empty if nothing is."""
    status = answer.status_code
    if status >= 500 and door.name != "readyz":
        return f"got {status}"
    if need == LEADS_ON:
        return (
            "" if status in {302, 403, 404, 405} or door.name == "admin:logout" else f"is not led on, but got {status}"
        )
    expected = must_get_in(door, need, subject)
    got_in = not is_refusal(answer)
    if need == NOT_TAKEN:
        return "" if status == 405 or not got_in else f"got {status}, although it is not taken"
    if got_in and status == 405:
        return "got 405, although its row says that the verb is taken"
    if not expected and status == 404 and names_something(door):
        return ""  # what they may not see is not there for them
    if got_in != expected:
        return f"{'got in' if got_in else 'was refused'} ({status}), and should {'' if expected else 'not '}have got in"
    if not got_in and subject in (STRANGER, API_ONLY) and not door.is_api:
        return "" if status == 302 else f"was not led to sign in, but got {status}"
    if not got_in and status != (401 if subject == STRANGER else 403):
        return f"was refused with {status}"
    return ""


def is_refusal(answer: Any) -> bool:
    to_sign_in = answer.status_code == 302 and "/login/" in answer["Location"].partition("?")[0]
    return answer.status_code in {401, 403} or to_sign_in


def asked(client: Any, estate: Estate, door: Door, verb: str) -> Any:
    """The answer; whatever it did is undone, and the client is signed in as before."""
    cookies = dict(client.cookies)
    json: dict[str, Any] = {"data": "{}", "content_type": "application/json"} if door.is_api and verb != "get" else {}
    with undone():
        answer = getattr(client, verb)(estate.address(door), **json)
    client.cookies.clear()
    client.cookies.update(cookies)
    return answer


def client_of(subject: str) -> Client:
    client = Client(raise_request_exception=False)
    if subject != STRANGER:
        roles = ROLES if subject == API_ONLY else [subject] if subject in ROLES else []
        user = make_user("", *roles, is_superuser=subject == SUPERUSER, is_staff=subject != API_ONLY)
        client.force_login(user, backend=BACKEND)
    return client
