"""Mirroring the inventory: over real HTTP to the simulated DRS, into a real database."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from drs import port
from drs.errors import Unreachable
from drs.simulator.errors import WireError
from drs.simulator.world import World
from protection import gateways, services, tasks
from protection.models import Site, SourceServer
from protection.selectors import site_is_syncing
from tests.factories.protection import ACCOUNT, DUBLIN, FRANKFURT, SiteFactory, make_group, mirror_now, seen_at_aws
from tests.integration.protection.conftest import NOBODY_LISTENS

Use = Callable[["FakeDrs"], None]

NOON = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)


@pytest.fixture
def use() -> Iterator[Use]:
    """`use(fake)`: from now on that is the DRS of every site."""
    with ExitStack() as used:
        yield lambda fake: used.enter_context(gateways.use(lambda endpoint: fake))


def hostnames(site: Site, **having: Any) -> list[str]:
    return list(
        SourceServer.objects.filter(site=site, **having).order_by("hostname").values_list("hostname", flat=True)
    )


class TestMirroring:
    def test_the_inventory_of_every_page_arrives_with_the_quotas(self, frankfurt: Site) -> None:
        assert mirror_now(frankfurt.pk)
        frankfurt.refresh_from_db()
        assert hostnames(frankfurt) == ["app-1", "app-2", "app-3", "db-1", "db-2", "web-1", "web-2"]
        server = SourceServer.objects.get(hostname="db-1")
        assert server.tags["Tier"] == "db"
        assert server.replication_state == "CONTINUOUS"
        assert server.lag_seconds is not None
        assert frankfurt.last_synced_at is not None
        assert frankfurt.sync_error == ""
        assert frankfurt.quota_source == "service-quotas"
        assert frankfurt.quotas.servers_in_jobs == 500

    def test_a_second_sync_takes_over_what_changed_and_keeps_the_rows(self, frankfurt: Site, world: World) -> None:
        mirror_now(frankfurt.pk)
        before = SourceServer.objects.get(hostname="db-1")
        simulated = world.region(ACCOUNT, FRANKFURT).servers[before.source_server_id]
        simulated.tags = {"App": "crm"}
        simulated.replication_state = "STALLED"
        mirror_now(frankfurt.pk)
        after = SourceServer.objects.get(hostname="db-1")
        assert after.pk == before.pk
        assert after.first_seen_at == before.first_seen_at
        assert after.tags == {"App": "crm"}
        assert after.replication_state == "STALLED"

    def test_a_state_that_nobody_lists_is_kept_as_it_came(self, frankfurt: Site, world: World) -> None:
        world.faults.add("unknown_enum", operation="DescribeSourceServers")
        mirror_now(frankfurt.pk)
        assert hostnames(frankfurt, replication_state="HIBERNATING")

    def test_a_server_that_vanished_is_kept_and_marked_and_unmarked_when_it_is_back(
        self, frankfurt: Site, world: World
    ) -> None:
        mirror_now(frankfurt.pk)
        servers = world.region(ACCOUNT, FRANKFURT).servers
        server_id = SourceServer.objects.get(hostname="web-2").source_server_id
        gone = servers.pop(server_id)
        mirror_now(frankfurt.pk)
        first_missed = SourceServer.objects.get(hostname="web-2").missing_since
        assert hostnames(frankfurt, missing_since__isnull=False) == ["web-2"]
        mirror_now(frankfurt.pk)
        assert SourceServer.objects.get(hostname="web-2").missing_since == first_missed
        servers[server_id] = gone
        mirror_now(frankfurt.pk)
        assert hostnames(frankfurt, missing_since__isnull=False) == []

    def test_new_tags_at_aws_change_who_is_in_a_group(self, frankfurt: Site, world: World, petra: User) -> None:
        mirror_now(frankfurt.pk)
        group = make_group("shop-db", frankfurt, petra, Tier=["db"])
        simulated = world.region(ACCOUNT, FRANKFURT).servers
        by_name = {server.hostname: server for server in simulated.values()}
        by_name["app-1"].tags = {"App": "shop", "Tier": "db"}
        by_name["db-2"].tags = {"App": "shop", "Tier": "app"}
        mirror_now(frankfurt.pk)
        assert hostnames(frankfurt, protection_group=group) == ["app-1", "db-1"]

    def test_a_server_that_two_groups_come_to_select_stays_and_says_so(
        self, frankfurt: Site, world: World, petra: User
    ) -> None:
        mirror_now(frankfurt.pk)
        make_group("shop-db", frankfurt, petra, Tier=["db"])
        web = make_group("shop-web", frankfurt, petra, Tier=["web"], App=["shop"])
        make_group("by-name", frankfurt, petra, SourceServer.objects.get(hostname="app-1"))
        by_name = {server.hostname: server for server in world.region(ACCOUNT, FRANKFURT).servers.values()}
        by_name["app-1"].tags = {"App": "shop", "Tier": "web"}
        mirror_now(frankfurt.pk)
        server = SourceServer.objects.get(hostname="app-1")
        assert str(server.protection_group) == "by-name"
        assert "“shop-web”" in server.membership_conflict
        assert hostnames(frankfurt, protection_group=web) == ["web-1", "web-2"]


class TestFailing:
    """AWS refuses or stays silent: a sentence on the site, the inventory as it was, the others unharmed."""

    @pytest.fixture
    def synced(self, frankfurt: Site) -> Site:
        mirror_now(frankfurt.pk)
        frankfurt.refresh_from_db()
        return frankfurt

    def failed(self, site: Site) -> Site:
        before = list(SourceServer.objects.filter(site=site).order_by("pk").values())
        last_synced_at = site.last_synced_at
        assert mirror_now(site.pk)
        site.refresh_from_db()
        assert list(SourceServer.objects.filter(site=site).order_by("pk").values()) == before
        assert site.last_synced_at == last_synced_at
        assert site.sync_failures == 1
        assert not site_is_syncing(site, timezone.now())
        assert site.due_at is not None
        assert site.due_at > timezone.now()
        return site

    def test_wrong_credentials(self, synced: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIANOBODYKNOWSTHIS0")
        assert "Check the AWS credentials" in self.failed(synced).sync_error

    def test_no_credentials(self, synced: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
        assert "credentials" in self.failed(synced).sync_error

    def test_permission_refused(self, synced: Site, world: World) -> None:
        world.faults.add("access_denied", operation="DescribeSourceServers")
        assert "drs:DescribeSourceServers" in self.failed(synced).sync_error

    def test_a_region_without_drs(self, site_at: Callable[..., Site]) -> None:
        site = site_at("eu-north-1")
        assert "DRS is not initialised for account 111122223333 in eu-north-1" in self.failed(site).sync_error
        assert site.last_synced_at is None

    def test_nobody_listens(self, synced: Site) -> None:
        Site.objects.filter(pk=synced.pk).update(endpoint_url=NOBODY_LISTENS)
        assert NOBODY_LISTENS in self.failed(synced).sync_error

    def test_throttled_for_longer_than_the_sdk_is_patient(self, synced: Site, world: World) -> None:
        world.faults.add("throttle", operation="DescribeSourceServers", retry_after_seconds=42)
        before = timezone.now()
        site = self.failed(synced)
        assert "throttling requests" in site.sync_error
        assert site.due_at is not None
        assert site.due_at - before >= timedelta(seconds=42)

    def test_an_error_in_the_middle_of_the_pages(
        self, synced: Site, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rows = world.call
        pages = []

        def second_page_fails(account: str, region: str, operation: str, params: Any) -> Any:
            pages.append(operation)
            if len(pages) > 1:
                raise WireError(500, "InternalServerException", "An internal error occurred.")
            return rows(account, region, operation, params)

        monkeypatch.setattr(world, "call", second_page_fails)
        SourceServer.objects.filter(hostname="db-1").update(hostname="as it was")
        self.failed(synced)
        assert SourceServer.objects.filter(hostname="as it was").exists()

    def test_credentials_of_another_account(self, synced: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIASOMEBODYELSES000")
        sentence = self.failed(synced).sync_error
        assert "222233334444" in sentence
        assert ACCOUNT in sentence

    def test_an_endpoint_without_sts_is_mirrored_all_the_same(
        self, synced: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", NOBODY_LISTENS)
        SourceServer.objects.all().delete()
        mirror_now(synced.pk)
        synced.refresh_from_db()
        assert synced.sync_error == ""
        assert len(hostnames(synced)) == 7

    def test_the_other_sites_are_unharmed(self, frankfurt: Site, dublin: Site, world: World) -> None:
        world.faults.add("access_denied", region=FRANKFURT)
        for site_id in sites_due_now(frankfurt, dublin):
            mirror_now(site_id)
        frankfurt.refresh_from_db()
        dublin.refresh_from_db()
        assert frankfurt.sync_error
        assert dublin.sync_error == ""
        assert hostnames(dublin) == ["crm-1", "crm-2"]

    def test_the_next_one_that_works_clears_the_sentence(self, synced: Site, world: World) -> None:
        world.faults.add("access_denied")
        self.failed(synced)
        world.faults.remove()
        mirror_now(synced.pk)
        synced.refresh_from_db()
        assert (synced.sync_error, synced.sync_failures) == ("", 0)

    def test_a_defect_of_ours_is_said(self, synced: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("protection.sync.memberships_write", lambda site_id: 1 // 0)
        SourceServer.objects.filter(hostname="db-1").update(hostname="as it was")
        Site.objects.filter(pk=synced.pk).nudge(by_person=True)
        tasks.site_sync.fn(synced.pk)
        synced.refresh_from_db()
        assert "error inside drsorch" in synced.sync_error
        assert synced.raised_times == 1
        assert synced.lease_until is None
        assert SourceServer.objects.filter(hostname="as it was").exists()


def sites_due(now: datetime) -> list[int]:
    return list(Site.objects.due(now).order_by("due_at").values_list("pk", flat=True))


def sites_due_now(*sites: Site) -> list[int]:
    Site.objects.filter(pk__in=[site.pk for site in sites]).update(due_at=timezone.now() - timedelta(seconds=1))
    return sites_due(timezone.now())


class TestLeases:
    """Any number of workers may try at once; one does it."""

    def test_who_comes_second_does_nothing(self, frankfurt: Site) -> None:
        until = timezone.now() + timedelta(seconds=30)
        Site.objects.filter(pk=frankfurt.pk).update(lease_until=until, lease_token=uuid.uuid4())
        assert not mirror_now(frankfurt.pk)
        assert hostnames(frankfurt) == []

    def test_a_dead_workers_lease_ends(self, frankfurt: Site) -> None:
        until = timezone.now() - timedelta(seconds=1)
        Site.objects.filter(pk=frankfurt.pk).update(lease_until=until, lease_token=uuid.uuid4())
        assert mirror_now(frankfurt.pk)

    def test_a_site_that_is_gone_is_nobodys(self, db: None) -> None:
        assert not mirror_now(4711)

    def test_while_it_runs_the_site_shows_it_and_is_not_due(self, db: None, use: Use) -> None:
        site = SiteFactory.create(due_at=NOON - timedelta(hours=1))
        shown = []

        def look() -> None:
            site.refresh_from_db()
            shown.append((site_is_syncing(site, timezone.now()), sites_due(timezone.now())))

        with time_machine.travel(NOON, tick=False):
            assert sites_due(timezone.now()) == [site.pk]
            use(FakeDrs(servers=[seen_at_aws(1)], meanwhile=look))
            mirror_now(site.pk)
            assert shown == [(True, [])]
            site.refresh_from_db()
            assert not site_is_syncing(site, timezone.now())
            assert sites_due(timezone.now() + timedelta(seconds=299)) == []
            assert sites_due(timezone.now() + timedelta(seconds=300)) == [site.pk]

    def test_a_worker_that_dies_leaves_the_site_due_when_its_lease_ends(self, db: None, use: Use) -> None:
        site = SiteFactory.create()

        def die() -> None:
            raise SystemExit

        with time_machine.travel(NOON, tick=False):
            use(FakeDrs(servers=[seen_at_aws(1)], meanwhile=die))
            with pytest.raises(SystemExit):
                mirror_now(site.pk)
            assert sites_due(NOON + timedelta(seconds=59)) == []
            assert sites_due(NOON + timedelta(seconds=60)) == [site.pk]

    def test_a_long_inventory_prolongs_the_lease(self, db: None, use: Use) -> None:
        site = SiteFactory.create()
        with time_machine.travel(NOON, tick=False) as clock:

            def dawdle() -> None:
                clock.shift(20)
                site.refresh_from_db()
                assert site_is_syncing(site, timezone.now())

            use(FakeDrs(servers=[seen_at_aws(number) for number in range(20)], meanwhile=dawdle))
            assert mirror_now(site.pk)
        assert len(hostnames(site)) == 20

    def test_who_lost_the_lease_writes_nothing(self, db: None, use: Use) -> None:
        site = SiteFactory.create()
        another = uuid.uuid4()

        def lose() -> None:
            Site.objects.filter(pk=site.pk).update(lease_token=another)

        use(FakeDrs(servers=[seen_at_aws(1)], meanwhile=lose))
        assert not mirror_now(site.pk)
        site.refresh_from_db()
        assert site.lease_token == another
        assert hostnames(site) == []

    def test_a_site_that_was_changed_meanwhile_is_mirrored_again_from_where_it_points_now(
        self, db: None, ada: User, use: Use
    ) -> None:
        site = SiteFactory.create()

        def change() -> None:
            services.site_update(site=Site.objects.get(pk=site.pk), changes={"region": DUBLIN}, by=ada)

        use(FakeDrs(servers=[seen_at_aws(1)], meanwhile=change))
        assert not mirror_now(site.pk)
        assert hostnames(site) == []
        assert sites_due(timezone.now()) == [site.pk]

    def test_a_sync_asked_for_while_one_runs_is_not_forgotten(self, db: None, omar: User, use: Use) -> None:
        site = SiteFactory.create()

        def ask() -> None:
            services.site_sync_request(site=Site.objects.get(pk=site.pk), by=omar)

        use(FakeDrs(servers=[seen_at_aws(1)], meanwhile=ask))
        assert mirror_now(site.pk)
        assert sites_due(timezone.now()) == [site.pk]

    def test_a_site_deleted_meanwhile_stays_deleted(self, db: None, ada: User, use: Use) -> None:
        site = SiteFactory.create()

        def delete() -> None:
            services.site_delete(site=site, by=ada)

        use(FakeDrs(servers=[seen_at_aws(1)], meanwhile=delete))
        assert not mirror_now(site.pk)
        assert not SourceServer.objects.exists()


class FakeDrs:
    """An inventory from memory, of any size, with something that happens while it is read."""

    def __init__(self, servers: list[port.SourceServer], meanwhile: Callable[[], None] = lambda: None) -> None:
        self._servers, self._meanwhile = servers, meanwhile

    def verify(self) -> str:
        raise Unreachable("No STS here.")

    def quotas(self) -> port.Quotas:
        raise Unreachable("No Service Quotas here.")

    def source_servers(self) -> Any:
        for server in self._servers:
            self._meanwhile()
            yield server


class TestSize:
    """4,000 servers, in a bounded number of queries."""

    def queries(self, site: Site, use: Use, servers: list[port.SourceServer]) -> int:
        use(FakeDrs(servers))
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert mirror_now(site.pk)
        return len(captured)

    def test_unchanged_servers_cost_no_queries(self, db: None, use: Use) -> None:
        counts = []
        for first, number in ((0, 40), (1000, 400)):
            site = SiteFactory.create()
            servers = [seen_at_aws(first + number) for number in range(number)]
            self.queries(site, use, servers)
            counts.append(self.queries(site, use, servers))
        assert counts[0] == counts[1] <= 13

    def test_4000_servers(self, db: None, petra: User, use: Use) -> None:
        site, servers = SiteFactory.create(), [seen_at_aws(number) for number in range(4000)]
        rows_per_query = 1000 if connection.vendor == "postgresql" else 40
        assert self.queries(site, use, servers) <= 13 + 4000 // rows_per_query
        make_group("databases", site, petra, Tier=["db"])
        assert SourceServer.objects.filter(protection_group__name="databases").count() == 1334
        assert self.queries(site, use, servers) <= 13
        changed = [seen_at_aws(number, lag_seconds=900.0) for number in range(4000)]
        assert self.queries(site, use, changed) <= 13 + 4000 // rows_per_query
        assert SourceServer.objects.filter(lag_seconds=900).count() == 4000
        assert self.queries(site, use, []) <= 13 + 4
        assert SourceServer.objects.filter(missing_since=None).count() == 0


class TestAsking:
    def test_a_new_site_is_mirrored_right_away(
        self, simulator: str, ada: User, django_capture_on_commit_callbacks: Any, sent: list[int]
    ) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            site = services.site_create(
                name="Frankfurt", account_id=ACCOUNT, region=FRANKFURT, endpoint_url=simulator, by=ada
            )
        assert sent == [site.pk]
        assert sites_due(timezone.now()) == [site.pk]
        tasks.site_sync.fn(site.pk)
        assert len(hostnames(site)) == 7

    def test_on_demand(
        self, frankfurt: Site, omar: User, django_capture_on_commit_callbacks: Any, sent: list[int]
    ) -> None:
        mirror_now(frankfurt.pk)
        assert sites_due(timezone.now()) == []
        with django_capture_on_commit_callbacks(execute=True):
            services.site_sync_request(site=frankfurt, by=omar)
        assert sent == [frankfurt.pk]
        assert sites_due(timezone.now()) == [frankfurt.pk]

    def test_a_broker_that_is_down_loses_nothing(
        self, frankfurt: Site, omar: User, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def down(*args: Any) -> None:
            raise ConnectionError("the broker is down")

        monkeypatch.setattr(tasks.site_sync, "send", down)
        with django_capture_on_commit_callbacks(execute=True):
            services.site_sync_request(site=frankfurt, by=omar)
        assert sites_due(timezone.now()) == [frankfurt.pk]

    @pytest.fixture
    def sent(self, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """The site ids of the messages that were sent."""
        messages: list[int] = []
        monkeypatch.setattr(tasks.site_sync, "send", messages.append)
        return messages


class TestTransactions:
    """No call to AWS while a transaction is open: it would hold locks for as long as AWS takes."""

    def test_a_call_inside_one_is_refused(self, db: None) -> None:
        drs = gateways.gateway(SiteFactory.create())
        with transaction.atomic(), pytest.raises(AssertionError, match="source_servers would call AWS"):
            drs.source_servers()

    def test_so_is_the_next_page_of_one_that_began_outside(self, db: None, use: Use) -> None:
        use(FakeDrs(servers=[seen_at_aws(1), seen_at_aws(2)]))
        pages = gateways.gateway(SiteFactory.create()).source_servers()
        assert next(pages).hostname == "host-0001"
        with transaction.atomic(), pytest.raises(AssertionError, match="source_servers would call AWS"):
            next(pages)
