"""Makers of plans."""

from __future__ import annotations

from typing import Any

import factory
from django.contrib.auth.models import User

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


def web_shop() -> dict[str, Any]:
    """The plan that most tests share: App and Reports side by side after Databases, Web after App."""
    return {
        "name": "Web shop",
        "description": "Everything a customer sees.",
        "rto_target_seconds": 3600,
        "rpo_target_seconds": 900,
        "waves": [
            {"name": "Databases", "protection_groups": ["shop-db"]},
            {"name": "App", "depends_on": ["Databases"], "protection_groups": ["shop-app"]},
            {
                "name": "Reports",
                "depends_on": ["Databases"],
                "protection_groups": ["shop-reports"],
                "on_failure": "continue",
            },
            {"name": "Web", "depends_on": ["App"], "protection_groups": ["shop-web"]},
        ],
    }


def make_shop_groups() -> None:
    for name in ("shop-db", "shop-app", "shop-reports", "shop-web"):
        make_group_with_servers(name)


def make_web_shop(by: User, **changes: Any) -> Plan:
    """The plan "Web shop" with its four groups of two servers each."""
    make_shop_groups()
    return plan_save(document=web_shop() | changes, by=by)
