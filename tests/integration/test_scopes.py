"""A role that is limited to a site, or to a plan, shows nothing of what lies elsewhere, and lets nothing be done there.

Tried at every address of screens and API, read from the URL configuration, with two corners that have everything and
whose names are found in no other: what the person may see, and what they may not.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from access import policy
from access.accounts.service_accounts import service_account_create
from access.models import ScopeKind
from access.services import assignment_add, token_issue
from drs.simulator.inprocess import InProcessDrs
from drs.simulator.world import World as Drs
from executions.models import DrsJob, Execution, Operation, SiteWatch
from executions.services.saved_filters import saved_filter_save
from plans.models import Plan
from plans.services import plan_save
from protection import gateways
from protection.models import ProtectionGroup, Site, SourceServer
from protection.services import group_update
from reports.models import Finding
from reports.services.findings import finding_add
from reports.services.notes import note_add
from tests.factories.executions import START, ExecutionFactory, ServerRunFactory, WaveRunFactory
from tests.factories.people import make_user
from tests.factories.plans import make_proposal
from tests.factories.protection import GroupFactory, MemberFactory, SyncedSiteFactory
from tests.integration.api.operations import World, operations
from tests.integration.test_admin_doors import filled_in

pytestmark = pytest.mark.any_database


class Corner(World):
    """A site with a group, servers, a plan, and executions of every kind that asks for attention."""

    def __init__(self, name: str, by: User, site: Site | None = None) -> None:
        self.name = name
        self.site = site or SyncedSiteFactory.create(name=f"{name} site", sync_error=f"{name} could not be reached.")
        self.group = GroupFactory.create(name=f"{name}-db", site=self.site)
        self.servers = [
            MemberFactory.create(
                protection_group=self.group,
                hostname=f"{name}-host-{n}",
                source_server_id=f"s-{name}-{n}",
                tags={"Name": f"{name}-tag-{n}"},
                replication_state="STALLED" if n else "CONTINUOUS",
            )
            for n in range(2)
        ]
        failing = {"error": f"{name} cannot be polled.", "failing_since": timezone.now()}
        SiteWatch.objects.get_or_create(site=self.site, defaults=failing)
        step = {"name": f"{name} go", "when": "before", "kind": "approval", "parameters": {}}
        wave = {"name": f"{name} wave", "protection_groups": [self.group.name], "steps": [step]}
        self.plan = plan_save(document={"name": f"{name} plan", "description": name, "waves": [wave]}, by=by)
        self.drill = self.run(status="running")
        self.other = self.run(status="succeeded", requested_at=START - timedelta(days=1), finished_at=START)
        self.run(status="failed", finished_at=START, cleanup_status="failed", outcome=f"{name} failed.", plan=self.plan)
        second = plan_save(document={"name": f"{name} second", "waves": [wave]}, by=by)
        self.run(status="awaiting_approval", kind="recovery", started_at=None, approvals_required=1, plan=second)
        self.run(status="succeeded", kind="recovery", break_glass=True, finished_at=START, plan=second)
        self.finding = finding_add(
            execution=self.other, by=by, title=f"{name} finding", severity="high", due_on="2026-01-01"
        )
        note_add(execution=self.drill, by=by, text=f"{name} note")
        saved_filter_save(name=f"{name} filter", query=f"plan={self.plan.pk}", is_shared=True, by=by)
        self.token, _ = token_issue(user=by, name=f"{name} token", by=by)
        self.service = service_account_create(name=f"{name}-events", purpose=name, roles=["event source"], by=by)
        self.proposal = make_proposal(self.plan, by)
        self.names = {
            "plan": (self.plan.pk, {"number": 1}),
            "site": (self.site.pk, {}),
            "source-server": (self.servers[0].pk, {}),
            "protection-group": (self.group.pk, {}),
            "execution": (self.drill.pk, {"other": self.other.pk}),
            "finding": (self.finding.pk, {}),
            "token": (self.token.uid, {}),
            "proposal": (self.proposal.pk, {}),
        }

    def run(self, **fields: Any) -> Execution:
        fields.setdefault("plan", self.plan)
        run: Execution = ExecutionFactory.create(reason=f"{self.name} reason", **fields)
        wave = WaveRunFactory.create(execution=run, name=f"{self.name} wave", status="running")
        for server in self.servers:
            ServerRunFactory.create(
                wave=wave, execution=run, site=self.site, source_server_id=server.source_server_id,
                hostname=server.hostname, status="failed", error=f"{self.name} launch failed.",
            )  # fmt: skip
        return run

    def addresses(self) -> Iterator[str]:
        """Every address of screens and API that is about this corner, or about everything."""
        yield from filled_in(self)
        yield from {self.at(one).address for one in operations()}

    def told_in(self, answer: Any, address: str) -> list[str]:
        """What of this corner an answer tells: its name, which all of its own are called by, and ids that were not
        asked for."""
        body = answer.getvalue() if getattr(answer, "streaming", False) else answer.content
        ids = Execution.objects.filter(plan__name__startswith=self.name).values_list("pk", flat=True)
        return [each for each in (self.name, *map(str, ids)) if each.encode() in body and each not in address]

    def says(self) -> list[Any]:
        """What would move if something were done to it."""
        rows = (Plan, Site, ProtectionGroup, SourceServer, Execution, Finding)
        return [list(model._default_manager.order_by("pk").values_list()) for model in rows]


@pytest.fixture
def here(ada: User) -> Corner:
    return Corner("Alster", ada)


@pytest.fixture
def there(ada: User) -> Corner:
    return Corner("Zambezi", ada)


def limited_to(kind: ScopeKind, target: Any, by: User, *roles: str) -> User:
    """Someone with these roles there, and no role anywhere else."""
    someone = make_user("")
    for role in roles or policy.roles_for(service=False):
        assignment_add(user=someone, role=role, kind=kind, target=target.pk, by=by)
    return User.objects.get(pk=someone.pk)


@pytest.fixture(params=list(ScopeKind))
def kind(request: pytest.FixtureRequest) -> ScopeKind:
    return ScopeKind(request.param)


@pytest.fixture
def someone(kind: ScopeKind, here: Corner, ada: User) -> User:
    """With every role: at the site here, or for the plan here."""
    return limited_to(kind, here.site if kind is ScopeKind.SITE else here.plan, ada)


def clients(user: User) -> tuple[Client, APIClient]:
    browser, api = Client(raise_request_exception=False), APIClient(raise_request_exception=False)
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    api.force_authenticate(user)
    return browser, api


def addresses_for(kind: ScopeKind, corner: Corner) -> list[str]:
    """Every address; with a role for a plan, of pages about one thing those of the API alone, which read as they do."""
    every = list(dict.fromkeys(corner.addresses()))
    if kind is ScopeKind.SITE:
        return every
    return [address for address in every if address.startswith("/api/") or not names_something(corner, address)]


def names_something(corner: Corner, address: str) -> bool:
    """True if the address is of something in the corner."""
    ids = {str(pk) for pk, _ in corner.names.values()} | {str(corner.other.pk)}
    return not ids.isdisjoint(address.strip("/").split("/"))


def test_nothing_of_what_lies_elsewhere_is_in_any_answer(
    kind: ScopeKind, someone: User, here: Corner, there: Corner
) -> None:
    browser, api = clients(someone)
    faults = []
    asked = [f"/api/v1/executions/?plan={there.plan.pk}", f"/api/v1/source-servers/?site={there.site.pk}",
             f"/admin/executions/execution/?plan={there.plan.pk}", f"/admin/executions/execution/?site={there.site.pk}",
             f"/admin/executions/execution/csv/?plan={there.plan.pk}",
             f"/admin/protection/sourceserver/?site__id__exact={there.site.pk}",
             f"/admin/protection/protectiongroup/servers/?site={there.site.pk}"]  # fmt: skip
    for address in [*addresses_for(kind, there), *asked]:
        answer = (api if address.startswith("/api/") else browser).get(address)
        refused = answer.status_code in {403, 404, 405}
        if answer.status_code >= 500 or (names_something(there, address) and not refused):
            faults.append(f"GET {address}: {answer.status_code}")
        if told := there.told_in(answer, address):
            faults.append(f"GET {address}: {answer.status_code} tells {told}")
    assert not faults, "\n".join(faults)


def test_nothing_can_be_done_to_what_lies_elsewhere(
    kind: ScopeKind, someone: User, here: Corner, there: Corner
) -> None:
    browser, api = clients(someone)
    before, faults = there.says(), []
    for address, verb in itertools.product(addresses_for(kind, there), ("post", "put", "patch", "delete")):
        is_api = address.startswith("/api/")
        if not names_something(there, address) or (not is_api and verb != "post"):
            continue
        answer = getattr(api, verb)(address, {}, "json") if is_api else browser.post(address, {"post": "yes"})
        if answer.status_code not in {403, 404, 405} or there.told_in(answer, address):
            faults.append(f"{verb} {address}: {answer.status_code} {there.told_in(answer, address)}")
    assert not faults, "\n".join(faults)
    assert there.says() == before


def test_what_lies_here_is_seen(kind: ScopeKind, here: Corner, there: Corner, ada: User) -> None:
    vera = limited_to(kind, here.site if kind is ScopeKind.SITE else here.plan, ada, policy.VIEWER, policy.AUDITOR)
    browser, api = clients(vera)
    lists = ("sites", "source-servers", "protection-groups", "plans", "executions", "findings", "audit")
    for each in lists:
        assert here.name in api.get(f"/api/v1/{each}/").content.decode(), each
    for page in ("", "plans/plan/", "executions/execution/", "protection/site/", "reports/register/", "audit/event/"):
        assert here.name in browser.get(f"/admin/{page}").content.decode(), page


def test_what_is_of_ones_plan_tells_nothing_of_another_plan_at_its_site(here: Corner, ada: User) -> None:
    """Hints name what is in the way, or was changed: here all of that is of the other plan."""
    there, now = Corner("Zambezi", ada, site=here.site), timezone.now()
    someone = limited_to(ScopeKind.PLAN, here.plan, ada)
    Site.objects.update(quota_concurrent_jobs=1)
    here.group.members.update(membership_conflict="Its tags now also match “Zambezi-db”.")
    here.drill.servers.update(status="queued", error="")
    busy = {there.servers[0].source_server_id: "PENDING"}
    Operation.objects.create(
        execution=there.drill, site=here.site, kind="launch", state="accepted", is_drill=True, targets=[],
        job_id="job-1", created_at=now, may_act_until=now,
    )  # fmt: skip
    for number, unfollowed in ((1, False), (2, True)):
        DrsJob.objects.create(
            site=here.site, job_id=f"job-{number}", servers=busy, first_seen_at=now, is_unfollowed=unfollowed
        )
    group_update(group=there.group, changes={"description": "New"}, by=ada)
    browser, api = clients(someone)
    with gateways.use(partial(InProcessDrs, Drs("small"))):
        answers = {
            address: (api if address.startswith("/api/") else browser).get(address)
            for address in dict.fromkeys(here.addresses())
        }
    told = {address: there.told_in(answer, address) for address, answer in answers.items()}
    assert {address: names for address, names in told.items() if names} == {}
    assert sum(answer.status_code == 200 for answer in answers.values()) > 50
