"""Makers of what exists: sites, mirrored source servers, protection groups saved by the service itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import factory
from django.contrib.auth.models import User
from django.utils import timezone

from drs import port
from protection.models import ProtectionGroup, Site, SourceServer
from protection.services import group_create
from protection.sync import site_sync

#: The simulator's account and key in the scenarios of these tests.
ACCOUNT = "111122223333"
ACCESS_KEY = "AKIADRSORCHSIMULATOR"
FRANKFURT = "eu-central-1"
DUBLIN = "eu-west-1"


class SiteFactory(factory.django.DjangoModelFactory[Site]):
    """A site that was never synced."""

    class Meta:
        model = Site

    name = factory.Sequence(lambda number: f"Site {number}")
    account_id = factory.Sequence(lambda number: f"{200_000_000_000 + number}")
    region = FRANKFURT


class SyncedSiteFactory(SiteFactory):
    """A site whose inventory was read just now."""

    last_synced_at = factory.LazyFunction(timezone.now)


class ServerFactory(factory.django.DjangoModelFactory[SourceServer]):
    """A mirrored source server that replicates as it should, in no group."""

    class Meta:
        model = SourceServer

    site = factory.SubFactory(SiteFactory)
    source_server_id = factory.Sequence(lambda number: f"s-{number:017x}")
    hostname = factory.Sequence(lambda number: f"host-{number:03d}")
    os = "Linux"
    tags: Any = factory.LazyFunction(dict)
    replication_state = "CONTINUOUS"
    lag_seconds = 2.0
    first_seen_at = datetime(2026, 1, 5, tzinfo=UTC)


class GroupFactory(factory.django.DjangoModelFactory[ProtectionGroup]):
    """A group without members."""

    class Meta:
        model = ProtectionGroup

    name = factory.Sequence(lambda number: f"group-{number}")
    site = factory.SubFactory(SyncedSiteFactory)


class MemberFactory(ServerFactory):
    """A server of a group."""

    protection_group = factory.SubFactory(GroupFactory)
    site = factory.SelfAttribute("protection_group.site")


def make_group_with_servers(name: str, *, servers: int = 2, site: Site | None = None) -> ProtectionGroup:
    """A protection group of `site`, or of one site that all such groups share, with so many healthy members."""
    shared = site or Site.objects.filter(name="Frankfurt").first() or SyncedSiteFactory.create(name="Frankfurt")
    group = GroupFactory.create(name=name, site=shared)
    MemberFactory.create_batch(servers, protection_group=group)
    return group


def make_group(name: str, site: Site, by: User, *servers: SourceServer, **selector: list[str]) -> ProtectionGroup:
    """`make_group("shop-db", site, petra, server, Tier=["db"])`."""
    return group_create(
        name=name, site=site, by=by, servers=[server.source_server_id for server in servers], tag_selector=selector
    )


def seen_at_aws(number: int, **fields: Any) -> port.SourceServer:
    """A source server as the edge reports it."""
    values: dict[str, Any] = {
        "source_server_id": f"s-{number:017x}",
        "arn": f"arn:aws:drs:{FRANKFURT}:{ACCOUNT}:source-server/s-{number:017x}",
        "hostname": f"host-{number:04d}",
        "fqdn": f"host-{number:04d}.example.com",
        "os": "Ubuntu 22.04.4 LTS",
        "tags": {"App": "shop", "Tier": ("db", "app", "web")[number % 3]},
        "replication_state": "CONTINUOUS",
        "lag_seconds": 2.0,
        "recovery_instance_id": None,
        "last_launch_status": "NOT_STARTED",
        "last_launch_job_id": None,
        "last_launch_at": None,
        "replication_direction": "FAILOVER",
        "replication_error": "",
        "cpu_cores": 4,
        "ram_bytes": 16 << 30,
        "disk_bytes": 100 << 30,
    }
    return port.SourceServer(**{**values, **fields})


def scenario(**changes: Any) -> dict[str, Any]:
    """Two Regions of one account: seven servers of a shop in Frankfurt, two of a CRM in Dublin; pages of two."""
    return {
        "page_size": 2,
        "accounts": [
            {
                "account_id": ACCOUNT,
                "access_keys": [ACCESS_KEY],
                "regions": [
                    {
                        "region": FRANKFURT,
                        "servers": [
                            {"hostname": "db-{n}", "count": 2, "tags": {"App": "shop", "Tier": "db"}},
                            {"hostname": "app-{n}", "count": 3, "tags": {"App": "shop", "Tier": "app"}},
                            {"hostname": "web-{n}", "count": 2, "tags": {"App": "shop", "Tier": "web"}},
                        ],
                    },
                    {
                        "region": DUBLIN,
                        "servers": [{"hostname": "crm-{n}", "count": 2, "tags": {"App": "crm", "Tier": "all"}}],
                    },
                ],
            },
            {"account_id": "222233334444", "access_keys": ["AKIASOMEBODYELSES000"]},
        ],
        **changes,
    }


def mirror_now(site_id: int) -> bool:
    """Make the site due, and mirror its inventory as a worker does."""
    Site.objects.filter(pk=site_id).nudge()
    return site_sync(site_id)
