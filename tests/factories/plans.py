"""Makers of plans."""

from __future__ import annotations

import copy
import io
import tempfile
from collections.abc import Collection
from datetime import timedelta
from typing import Any

import factory
from django.contrib.auth.models import User
from django.core.management import call_command

from access.models import Proposal
from drsorch.demo import story
from foundation.files.yaml_text import written
from plans import selectors
from plans.models import Plan
from plans.services import plan_save
from tests.factories.protection import make_group_with_servers


class PlanFactory(factory.django.DjangoModelFactory[Plan]):
    """A plan without waves."""

    class Meta:
        model = Plan

    name = factory.Sequence(lambda number: f"Plan {number}")
    rto_target_seconds = 3600
    rpo_target_seconds = 900


def web_shop(app: str = "shop", *, without: Collection[str] = ()) -> dict[str, Any]:
    """The plan that the demo and most tests share: App and Reports side by side after Databases, Web after App.

    Its groups are those of `app`, such as shop-db; it may be made without some of the waves.
    """
    plan = copy.deepcopy(story.PLAN)
    plan["waves"] = [wave for wave in plan["waves"] if wave["name"] not in without]
    for wave in plan["waves"]:
        wave["protection_groups"] = [name.replace("shop-", f"{app}-") for name in wave["protection_groups"]]
    return plan


def make_shop_groups() -> None:
    for name in ("shop-db", "shop-app", "shop-reports", "shop-web"):
        make_group_with_servers(name)


def make_web_shop(by: User, **changes: Any) -> Plan:
    """The plan "Web shop" with its four groups of two servers each."""
    make_shop_groups()
    return plan_save(document=web_shop() | changes, by=by)


def make_proposal(plan: Plan, by: User) -> Proposal:
    """To archive the plan, open for years."""
    return Proposal.objects.create(
        kind="plan.archive", subject_type="plan", subject_id=str(plan.pk), subject_name=plan.name, version=1,
        request="sealed", proposed_by=by, proposed_by_name=by.username, proposed_at=plan.created_at,
        expires_at=plan.created_at + timedelta(days=3650),
    )  # fmt: skip


def apply_by_command(plan: Plan, username: str) -> None:
    """Change the plan's RTO target with `manage.py bundle`."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(written({"kind": "plan", **selectors.document(plan), "rto_target_seconds": 60}))
        file.flush()
        call_command("bundle", "apply", file.name, "--as", username, stdout=io.StringIO())
