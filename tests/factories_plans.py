"""Makers of what plans stand on (a synced site, groups with members) and of plans, saved by the service itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import factory
from django.contrib.auth.models import User
from django.utils import timezone

from plans.models import Plan
from plans.services import plan_save
from protection.models import ProtectionGroup, Site, SourceServer


class SyncedSite(factory.django.DjangoModelFactory[Site]):
    """A site whose inventory was read just now."""

    class Meta:
        model = Site

    name = factory.Sequence(lambda number: f"Site {number}")
    account_id = factory.Sequence(lambda number: f"{100_000_000_000 + number}")
    region = "eu-central-1"
    last_synced_at = factory.LazyFunction(timezone.now)


class Group(factory.django.DjangoModelFactory[ProtectionGroup]):
    class Meta:
        model = ProtectionGroup

    name = factory.Sequence(lambda number: f"group-{number}")
    site = factory.SubFactory(SyncedSite)


class Member(factory.django.DjangoModelFactory[SourceServer]):
    """A server of a group, replicating as it should."""

    class Meta:
        model = SourceServer

    source_server_id = factory.Sequence(lambda number: f"s-{number:017x}")
    hostname = factory.Sequence(lambda number: f"host-{number}")
    os = "Linux"
    replication_state = "CONTINUOUS"
    lag_seconds = 2.0
    first_seen_at = datetime(2026, 1, 5, tzinfo=UTC)
    protection_group = factory.SubFactory(Group)
    site = factory.SelfAttribute("protection_group.site")


def make_group(name: str, *, servers: int = 2, site: Site | None = None) -> ProtectionGroup:
    """A protection group of `site`, or of one site that all such groups share, with so many healthy members."""
    shared = site or Site.objects.filter(name="Frankfurt").first() or SyncedSite.create(name="Frankfurt")
    group = Group.create(name=name, site=shared)
    Member.create_batch(servers, protection_group=group)
    return group


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
        make_group(name)


def make_web_shop(by: User, **changes: Any) -> Plan:
    """The plan "Web shop" with its four groups of two servers each."""
    make_shop_groups()
    return plan_save(document=web_shop() | changes, by=by)
