"""Every operation of the API, read from its addresses, and a small world in which each has something to work on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.urls import URLPattern, URLResolver, reverse

import drsorch.api
from access.accounts.service_accounts import service_account_create
from access.services import token_issue
from executions.models import Execution
from plans.models import Plan
from protection.models import ProtectionGroup, Site, SourceServer
from reports.models import Finding
from tests.factories.executions import START, ExecutionFactory, running_drill
from tests.factories.plans import make_proposal, make_web_shop

#: Served for browsers, or open to all: no data of ours.
APART = {"schema", "docs", "api-root"}
#: What each verb may be sent besides an object's own address.
VERBS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Operation:
    """One verb at one address; `action` is what the view calls it."""

    verb: str
    address: str
    action: str
    view: Any
    #: The parts of the address that name something, by what they are called there.
    named: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.verb.upper()} {self.address}"


def patterns(found: Any = None) -> Iterator[URLPattern]:
    for each in drsorch.api.urlpatterns if found is None else found:
        if isinstance(each, URLResolver):
            yield from patterns(each.url_patterns)
        elif each.name and each.name not in APART:
            yield each


def operations() -> list[Operation]:
    """With the addresses as templates: `{id}` and so on stand where a name goes."""
    return [
        Operation(verb, pattern.name or "", action, view, tuple(pattern.pattern.regex.groupindex))
        for pattern in patterns()
        for view in [getattr(pattern.callback, "cls", None)]
        for verb, action in _actions(pattern.callback, view).items()
        if verb in VERBS
    ]


def _actions(callback: Any, view: Any) -> dict[str, str]:
    actions: dict[str, str] | None = getattr(callback, "actions", None)
    return actions or {verb: verb for verb in VERBS if hasattr(view, verb)}


class World:
    """A web shop with its sites, groups, plan and a running drill, and a token."""

    def __init__(self, by: User) -> None:
        self.plan = make_web_shop(by)
        self.drill: Execution = running_drill(plan=self.plan)
        #: A drill of the plan that ended before.
        self.other: Execution = ExecutionFactory.create(
            plan=self.plan, status="succeeded", requested_at=START - timedelta(days=1), finished_at=START
        )
        self.finding = Finding.objects.create(
            execution=self.drill, title="DNS is changed by hand", severity="high", added_at=START, added_by_name="dana"
        )
        self.token, _ = token_issue(user=by, name="nightly", by=by)
        self.service = service_account_create(name="eventbridge", purpose="Posts events", roles=["event source"], by=by)
        self.proposal = make_proposal(self.plan, by)
        self.names = {
            "proposal": (self.proposal.pk, {}),
            "plan": (self.plan.pk, {"number": 1}),
            "site": (Site.objects.order_by("pk")[0].pk, {}),
            "source-server": (SourceServer.objects.order_by("pk")[0].pk, {}),
            "protection-group": (ProtectionGroup.objects.order_by("pk")[0].pk, {}),
            "execution": (self.drill.pk, {"other": self.other.pk}),
            "finding": (self.finding.pk, {}),
            "token": (self.token.uid, {}),
        }

    def parts(self, operation: Operation) -> dict[str, Any]:
        """What stands in the operation's address, by what it is called there."""
        if not operation.named:
            return {}
        prefix = max((one for one in self.names if operation.address.startswith(one)), key=len)
        pk, more = self.names[prefix]
        return {name: {"id": pk, "sha256": "0" * 64, **more}.get(name, "0") for name in operation.named}

    def at(self, operation: Operation) -> Operation:
        """The operation with its address filled in."""
        return replace(operation, address=reverse(operation.address, kwargs=self.parts(operation)))

    def versions(self) -> list[Any]:
        """What would move if anything were written."""
        return [
            list(model._default_manager.order_by("pk").values_list())
            for model in (Plan, Site, ProtectionGroup, SourceServer, Execution)
        ]
