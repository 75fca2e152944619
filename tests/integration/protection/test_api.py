"""Sites, source servers and protection groups through the REST API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from drs.simulator.world import World
from plans.services import plan_save
from protection.models import ProtectionGroup, Site, SourceServer
from tests.factories.protection import ACCOUNT, FRANKFURT, ServerFactory, SiteFactory, make_group, mirror_now
from tests.integration.protection.conftest import NOBODY_LISTENS

pytestmark = pytest.mark.either_database

Api = Callable[[User | None], APIClient]

SITE = {"name": "Frankfurt", "account_id": ACCOUNT, "region": FRANKFURT}


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.json()
    return [row.get("hostname") or row["name"] for row in answer.json()["results"]]


def attrs(answer: Any) -> list[str]:
    return [error["attr"] for error in answer.json()["errors"]]


class TestMisspeltMembers:
    """A site without its role, or a group without its selector, must not pass for what was meant."""

    def test_are_refused(self, api: Api, ada: User) -> None:
        client = api(ada)
        assert attrs(client.post("/api/v1/sites/", {**SITE, "role": "arn"})) == ["role"]
        client.post("/api/v1/sites/", SITE)
        group = {"name": "shop-db", "site": "Frankfurt", "servers": ["s-1"], "tag_selectors": {"Tier": ["db"]}}
        assert attrs(client.post("/api/v1/protection-groups/", group)) == ["tag_selectors"]


class TestSites:
    def test_create_read_change_delete(self, api: Api, ada: User) -> None:
        client = api(ada)
        created = client.post("/api/v1/sites/", {**SITE, "role_arn": f"arn:aws:iam::{ACCOUNT}:role/drsorch"})
        assert created.status_code == 201
        assert created.json()["role_arn"] == f"arn:aws:iam::{ACCOUNT}:role/drsorch"
        assert created.json()["quotas"] == {
            "concurrent_jobs": 20, "servers_per_job": 100, "servers_in_jobs": 500, "source": "documented defaults",
        }  # fmt: skip
        assert created.json()["last_synced_at"] is None
        assert created["ETag"].startswith('"1-')
        assert client.get(created["Location"]).json() == created.json()

        changed = client.patch("/api/v1/sites/Frankfurt/", {"external_id": "x-1"}, headers={"If-Match": '"1"'})
        assert (changed.status_code, changed.json()["has_external_id"], changed["ETag"][:3]) == (200, True, '"2-')
        assert changed.json()["role_arn"] == f"arn:aws:iam::{ACCOUNT}:role/drsorch"

        # An external id is never read, so a PUT without one keeps it.
        for whole, kept in ((SITE, True), ({**SITE, "external_id": ""}, False)):
            replaced = client.put(f"/api/v1/sites/{created.json()['id']}/", whole).json()
            assert (replaced["has_external_id"], replaced["role_arn"]) == (kept, "")
        assert client.delete("/api/v1/sites/Frankfurt/").status_code == 204
        assert client.get("/api/v1/sites/Frankfurt/").status_code == 404

    def test_a_change_from_an_old_version_is_refused(self, api: Api, ada: User) -> None:
        site = SiteFactory.create(name="Frankfurt", version=3)
        refused = api(ada).patch(f"/api/v1/sites/{site.pk}/", {"name": "x"}, headers={"If-Match": '"2"'})
        assert refused.status_code == 412
        assert "version 3" in refused.json()["detail"]
        assert api(ada).delete(f"/api/v1/sites/{site.pk}/", headers={"If-Match": '"2"'}).status_code == 412
        assert Site.objects.get().name == "Frankfurt"

    def test_saving_what_it_is_already_makes_no_new_version(self, api: Api, ada: User) -> None:
        site = SiteFactory.create(**SITE)
        assert api(ada).put(f"/api/v1/sites/{site.pk}/", SITE).json()["version"] == 1

    @pytest.mark.parametrize(
        ("wrong", "attr", "sentence"),
        [
            ({"account_id": "12"}, "account_id", "12 digits"),
            ({"region": "Frankfurt"}, "region", "eu-central-1"),
            ({"role_arn": "drsorch"}, "role_arn", "arn:aws:iam::"),
            ({"endpoint_url": "somewhere"}, "endpoint_url", "https://host"),
            ({"name": "42"}, "name", "not a digit"),
            ({"name": ""}, "name", "blank"),
            ({"name": "Taken"}, "name", "already a site with this name"),
        ],
    )
    def test_what_is_wrong_is_said_at_its_field(
        self, api: Api, ada: User, wrong: dict[str, str], attr: str, sentence: str
    ) -> None:
        SiteFactory.create(name="Taken")
        refused = api(ada).post("/api/v1/sites/", {**SITE, **wrong})
        assert refused.status_code == 400
        assert attrs(refused) == [attr]
        assert sentence in refused.json()["detail"]
        assert Site.objects.count() == 1

    def test_everything_wrong_at_once(self, api: Api, ada: User) -> None:
        refused = api(ada).post("/api/v1/sites/", {"name": "7", "account_id": "1", "region": "?"})
        assert sorted(attrs(refused)) == ["account_id", "name", "region"]

    def test_a_second_site_of_the_same_place_is_refused(self, api: Api, ada: User) -> None:
        SiteFactory.create(**SITE)
        refused = api(ada).post("/api/v1/sites/", {**SITE, "name": "Again"})
        assert refused.status_code == 400
        assert "Another site already has this account, Region and endpoint: “" in refused.json()["detail"]

    def test_a_host_without_dots_is_an_endpoint(self, api: Api, ada: User) -> None:
        created = api(ada).post("/api/v1/sites/", {**SITE, "endpoint_url": "http://simulator:8001"})
        assert created.status_code == 201

    def test_sync_is_accepted_and_shown(self, api: Api, frankfurt: Site, omar: User) -> None:
        accepted = api(omar).post("/api/v1/sites/Frankfurt/sync/")
        assert accepted.status_code == 202
        assert accepted.json()["name"] == "Frankfurt"
        assert accepted.json()["next_sync_at"] is not None
        mirror_now(frankfurt.pk)
        shown = api(omar).get("/api/v1/sites/Frankfurt/").json()
        assert (shown["server_count"], shown["sync_error"], shown["syncing"]) == (7, "", False)
        assert shown["quotas"]["source"] == "service-quotas"

    def test_a_failed_sync_is_a_sentence_on_the_site(self, api: Api, site_at: Callable[..., Site], vera: User) -> None:
        site = site_at("eu-north-1")
        mirror_now(site.pk)
        assert "not initialised" in api(vera).get(f"/api/v1/sites/{site.pk}/").json()["sync_error"]

    def test_a_site_in_use_cannot_be_deleted(self, api: Api, ada: User) -> None:
        server = ServerFactory.create(site__name="Frankfurt")
        make_group("shop-db", server.site, ada, server)
        refused = api(ada).delete("/api/v1/sites/Frankfurt/")
        assert refused.status_code == 409
        assert "shop-db" in refused.json()["detail"]
        assert SourceServer.objects.exists()

    @pytest.mark.parametrize("field", ["region", "account_id"])
    def test_a_site_in_use_stays_where_it_is(self, api: Api, ada: User, field: str) -> None:
        server = ServerFactory.create(site__name="Frankfurt")
        change = {"region": "eu-north-1"} if field == "region" else {"account_id": "999999999999"}
        assert api(ada).patch("/api/v1/sites/Frankfurt/", change).status_code == 200
        make_group("shop-db", server.site, ada, server)
        before = Site.objects.values().get()
        back = {name: SITE[name] for name in change}
        refused = api(ada).patch("/api/v1/sites/Frankfurt/", {**back, "external_id": "new"})
        assert refused.status_code == 409
        assert "used by protection group “shop-db”, so its account and Region cannot change" in refused.json()["detail"]
        assert Site.objects.values().get() == before
        assert api(ada).patch("/api/v1/sites/Frankfurt/", {"external_id": "new"}).status_code == 200

    @pytest.mark.parametrize("person", ["vera", "aldo", "petra", "omar", "dana", "ravi"])
    def test_only_administrators_change_sites(
        self, db: None, api: Api, person: str, request: pytest.FixtureRequest
    ) -> None:
        client = api(request.getfixturevalue(person))
        site = SiteFactory.create()
        assert client.get(f"/api/v1/sites/{site.pk}/").status_code == 200
        assert client.post("/api/v1/sites/", SITE).status_code == 403
        assert client.patch(f"/api/v1/sites/{site.pk}/", {"name": "x"}).status_code == 403
        assert client.delete(f"/api/v1/sites/{site.pk}/").status_code == 403

    @pytest.mark.parametrize(("person", "status"), [("vera", 403), ("ravi", 403), ("petra", 202), ("omar", 202)])
    def test_who_works_with_plans_or_runs_them_may_sync(
        self, db: None, api: Api, person: str, status: int, request: pytest.FixtureRequest
    ) -> None:
        client = api(request.getfixturevalue(person))
        site = SiteFactory.create()
        assert client.post(f"/api/v1/sites/{site.pk}/sync/").status_code == status

    def test_strangers_see_nothing(self, api: Api, db: None) -> None:
        assert api(None).get("/api/v1/sites/").status_code == 401

    def test_listing(self, api: Api, vera: User) -> None:
        SiteFactory.create(name="B", region="eu-west-1")
        SiteFactory.create(name="A", region="eu-central-1")
        assert names(api(vera).get("/api/v1/sites/")) == ["A", "B"]
        assert names(api(vera).get("/api/v1/sites/?ordering=-name")) == ["B", "A"]
        assert names(api(vera).get("/api/v1/sites/?region=eu-west-1")) == ["B"]


class TestSourceServers:
    @pytest.fixture
    def shop(self, petra: User) -> Site:
        site = SiteFactory.create(name="Frankfurt")
        for hostname, tags, fields in [
            ("db-1", {"App": "shop", "Tier": "db", "url": "https://db:5432"}, {}),
            ("db-2", {"App": "shop", "Tier": "db"}, {"replication_state": "STALLED", "lag_seconds": 7200.4}),
            ("web-1", {"App": "shop", "Tier": "web", "1": "one"}, {"fqdn": "www.example.com", "lag_seconds": None}),
        ]:
            ServerFactory.create(site=site, hostname=hostname, tags=tags, **fields)
        ServerFactory.create(
            site__name="Dublin", hostname="crm-1", tags={"aws:stack": "a:b"}, replication_state="HIBERNATING"
        )
        make_group("shop-db", site, petra, Tier=["db"])
        return site

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("", ["crm-1", "db-1", "db-2", "web-1"]),
            ("site=Frankfurt", ["db-1", "db-2", "web-1"]),
            ("tag=App:shop", ["db-1", "db-2", "web-1"]),
            ("tag=App:shop&tag=Tier:web", ["web-1"]),
            ("tag=App:shop&tag=Tier:none", []),
            ("tag=url:https://db:5432", ["db-1"]),
            ("tag=aws:stack:a:b", ["crm-1"]),
            ("tag=1:one", ["web-1"]),
            ("replication_state=STALLED", ["db-2"]),
            ("replication_state=DISCONNECTED", []),
            ("replication_state=HIBERNATING", ["crm-1"]),
            ("protection_group=shop-db", ["db-1", "db-2"]),
            ("unprotected=true", ["crm-1", "web-1"]),
            ("unprotected=false", ["db-1", "db-2"]),
            ("missing=false&site=Dublin", ["crm-1"]),
            ("missing=true", []),
            ("search=DB-", ["db-1", "db-2"]),
            ("search=www.example", ["web-1"]),
            ("site=Frankfurt&unprotected=true&search=web", ["web-1"]),
            ("ordering=-hostname", ["web-1", "db-2", "db-1", "crm-1"]),
        ],
    )
    def test_filters(self, api: Api, vera: User, shop: Site, query: str, expected: list[str]) -> None:
        assert names(api(vera).get(f"/api/v1/source-servers/?{query}")) == expected

    @pytest.mark.parametrize(
        ("query", "attr"),
        [
            ("site=Nowhere", "site"),
            ("site=4711", "site"),
            ("tag=App", "tag"),
            ("tag=App:shop&tag=:x", "tag"),
            ("replication_state=GOOD", "replication_state"),
            ("protection_group=none", "protection_group"),
            ("unprotected=maybe", "unprotected"),
            ("missing=1", "missing"),
            ("ordering=colour", "ordering"),
        ],
    )
    def test_a_filter_that_means_nothing_is_refused(
        self, api: Api, vera: User, shop: Site, query: str, attr: str
    ) -> None:
        refused = api(vera).get(f"/api/v1/source-servers/?{query}")
        assert refused.status_code == 400
        assert attrs(refused) == [attr]

    def test_the_shape_of_one(self, api: Api, vera: User, shop: Site) -> None:
        row = SourceServer.objects.get(hostname="db-2")
        shown = api(vera).get(f"/api/v1/source-servers/{row.source_server_id}/").json()
        assert shown == api(vera).get(f"/api/v1/source-servers/{row.pk}/").json()
        assert shown["lag_seconds"] == 7200
        assert shown["recovery_instance_id"] is None
        assert (shown["site"], shown["protection_group"]) == ("Frankfurt", "shop-db")
        assert shown["tags"] == {"App": "shop", "Tier": "db"}
        unprotected = SourceServer.objects.get(hostname="web-1")
        shown = api(vera).get(f"/api/v1/source-servers/{unprotected.pk}/").json()
        assert (shown["lag_seconds"], shown["protection_group"]) == (None, None)

    def test_an_id_that_two_sites_have_is_not_guessed(self, api: Api, vera: User) -> None:
        ServerFactory.create(source_server_id="s-1", site__name="A")
        ServerFactory.create(source_server_id="s-1", site__name="B")
        refused = api(vera).get("/api/v1/source-servers/s-1/")
        assert refused.status_code == 409
        assert "“A” as id" in refused.json()["detail"]

    def test_pages_show_every_server_once(self, api: Api, vera: User) -> None:
        ServerFactory.create_batch(7, site=SiteFactory.create(), hostname="same")
        seen, url = [], "/api/v1/source-servers/?page_size=3&ordering=hostname"
        while url:
            page = api(vera).get(url).json()
            seen += [row["id"] for row in page["results"]]
            url = page["next"]
        assert sorted(seen) == sorted(SourceServer.objects.values_list("pk", flat=True))

    def test_nobody_writes_them(self, api: Api, ada: User, shop: Site) -> None:
        pk = SourceServer.objects.first().pk
        assert api(ada).patch(f"/api/v1/source-servers/{pk}/", {"hostname": "x"}).status_code == 405
        assert api(ada).post("/api/v1/source-servers/", {}).status_code == 405

    def test_one_that_is_gone_from_drs_can_be_forgotten(self, api: Api, petra: User, shop: Site) -> None:
        SourceServer.objects.filter(hostname="db-2").update(missing_since="2026-03-03T12:00:00Z")
        pk = SourceServer.objects.get(hostname="db-2").pk
        assert api(petra).delete(f"/api/v1/source-servers/{pk}/").status_code == 204
        assert names(api(petra).get("/api/v1/protection-groups/shop-db/members/")) == ["db-1"]

    def test_one_that_drs_lists_cannot(self, api: Api, petra: User, shop: Site) -> None:
        refused = api(petra).delete(f"/api/v1/source-servers/{SourceServer.objects.get(hostname='db-2').pk}/")
        assert refused.status_code == 409
        assert "still lists source server" in refused.json()["detail"]

    def test_one_that_a_group_names_cannot(self, api: Api, petra: User, shop: Site) -> None:
        server = SourceServer.objects.get(hostname="web-1")
        make_group("by-name", shop, petra, server)
        SourceServer.objects.filter(pk=server.pk).update(missing_since="2026-03-03T12:00:00Z")
        refused = api(petra).delete(f"/api/v1/source-servers/{server.pk}/")
        assert refused.status_code == 409
        assert "“by-name”" in refused.json()["detail"]

    def test_a_viewer_cannot(self, api: Api, vera: User, shop: Site) -> None:
        SourceServer.objects.update(missing_since="2026-03-03T12:00:00Z")
        pk = SourceServer.objects.get(hostname="db-2").pk
        assert api(vera).delete(f"/api/v1/source-servers/{pk}/").status_code == 403


class TestRecoverySnapshots:
    @pytest.fixture
    def url(self, frankfurt: Site) -> str:
        mirror_now(frankfurt.pk)
        return (
            f"/api/v1/source-servers/{SourceServer.objects.get(hostname='db-1').source_server_id}/recovery-snapshots/"
        )

    def test_points_in_time_newest_first(self, api: Api, vera: User, url: str) -> None:
        answer = api(vera).get(url)
        assert answer.status_code == 200
        taken = [row["taken_at"] for row in answer.json()["results"]]
        assert len(taken) > 20
        assert taken == sorted(taken, reverse=True)
        assert answer.json()["results"][0]["recovery_snapshot_id"].startswith("pit-")

    def test_drs_out_of_reach(self, api: Api, vera: User, url: str) -> None:
        Site.objects.update(endpoint_url=NOBODY_LISTENS)
        answer = api(vera).get(url)
        assert answer.status_code == 503
        assert "cannot be read at the moment" in answer.json()["detail"]

    def test_a_server_that_drs_has_no_more(self, api: Api, vera: User, url: str, world: World, frankfurt: Site) -> None:
        world.region(ACCOUNT, FRANKFURT).servers.clear()
        answer = api(vera).get(url)
        assert answer.status_code == 404
        assert "no longer has source server" in answer.json()["detail"]


class TestProtectionGroups:
    @pytest.fixture
    def site(self, db: None) -> Site:
        site = SiteFactory.create(name="Frankfurt")
        for number, tier in enumerate(["db", "db", "app", "web"], start=1):
            ServerFactory.create(
                site=site,
                source_server_id=f"s-{number}",
                hostname=f"{tier}-{number}",
                tags={"App": "shop", "Tier": tier},
            )
        Site.objects.update(last_synced_at="2026-03-03T12:00:00Z")
        return site

    def test_create_read_change_delete(self, api: Api, petra: User, site: Site) -> None:
        client = api(petra)
        created = client.post(
            "/api/v1/protection-groups/", {"name": "shop-db", "site": "Frankfurt", "tag_selector": {"Tier": ["db"]}}
        )
        assert created.status_code == 201, created.json()
        body = created.json()
        assert (body["site"], body["servers"], body["tag_selector"]) == ("Frankfurt", [], {"Tier": ["db"]})
        assert (body["member_count"], body["version"], created["ETag"][:3]) == (2, 1, '"1-')
        assert client.get(created["Location"]).json() == body
        assert names(client.get("/api/v1/protection-groups/shop-db/members/")) == ["db-1", "db-2"]

        changed = client.patch(f"/api/v1/protection-groups/{body['id']}/", {"servers": ["s-3"]})
        assert (changed.json()["member_count"], changed.json()["version"]) == (3, 2)
        assert changed.json()["tag_selector"] == {"Tier": ["db"]}

        sent_back = client.put("/api/v1/protection-groups/shop-db/", changed.json())
        assert (sent_back.status_code, sent_back.json()) == (200, changed.json())

        replaced = client.put(
            "/api/v1/protection-groups/shop-db/", {"name": "shop-web", "site": site.pk, "servers": ["s-4", "s-4"]}
        )
        assert replaced.json()["servers"] == ["s-4"]
        assert names(client.get("/api/v1/protection-groups/shop-web/members/")) == ["web-4"]

        assert client.delete("/api/v1/protection-groups/shop-web/").status_code == 204
        assert not SourceServer.objects.exclude(protection_group=None).exists()

    @pytest.mark.parametrize(
        ("body", "attr", "sentence"),
        [
            ({}, "servers", "needs servers"),
            ({"servers": [], "tag_selector": {}}, "servers", "needs servers"),
            ({"servers": ["s-1", "s-99"]}, "servers", "no source server s-99"),
            ({"tag_selector": {"Tier": ["cache"]}}, "tag_selector", "Tier = cache"),
            ({"tag_selector": {"Tier": ["cache"]}, "servers": ["s-1"]}, "tag_selector", "No source server"),
            ({"tag_selector": {"Tier": []}}, "tag_selector", "no values"),
            ({"tag_selector": {"Tier": "db"}}, "tag_selector.Tier", "list"),
            ({"tag_selector": ["db"]}, "tag_selector", "dictionary"),
            ({"site": "Nowhere", "servers": ["s-1"]}, "site", "no site “Nowhere”"),
            ({"name": "7", "servers": ["s-1"]}, "name", "not a digit"),
            ({"name": "taken", "servers": ["s-1"]}, "name", "already a protection group"),
            ({"servers": ["s-3"]}, "", "app-3 (s-3) already belongs to protection group “taken”"),
            ({"tag_selector": {"App": ["shop"]}}, "", "app-3 (s-3) already belongs to protection group “taken”"),
        ],
    )
    def test_what_is_wrong_is_named_and_nothing_is_written(
        self, api: Api, petra: User, site: Site, body: dict[str, Any], attr: str, sentence: str
    ) -> None:
        make_group("taken", site, petra, Tier=["app"])
        refused = api(petra).post("/api/v1/protection-groups/", {"name": "new", "site": "Frankfurt", **body})
        assert refused.status_code == 400
        assert attrs(refused) == [attr]
        assert sentence in refused.json()["detail"]
        assert ProtectionGroup.objects.count() == 1
        assert SourceServer.objects.filter(protection_group__name="new").count() == 0

    def test_servers_of_another_site_are_unknown_here(self, api: Api, petra: User, site: Site) -> None:
        ServerFactory.create(source_server_id="s-7", site__name="Dublin")
        body = {"name": "mixed", "site": "Frankfurt", "servers": ["s-1", "s-7"]}
        assert (
            "Site “Frankfurt” has no source server s-7."
            in api(petra).post("/api/v1/protection-groups/", body).json()["detail"]
        )

    def test_a_group_may_be_declared_before_its_site_is_synced(self, api: Api, petra: User) -> None:
        SiteFactory.create(name="New", sync_error="AWS said no.")
        body = {"name": "x", "site": "New", "tag_selector": {"App": ["shop"]}, "servers": ["s-later"]}
        made = api(petra).post("/api/v1/protection-groups/", body)
        assert (made.status_code, made.json()["member_count"]) == (201, 0)

    def test_many_overlaps_are_counted(self, api: Api, petra: User, site: Site) -> None:
        ServerFactory.create_batch(9, site=site, tags={"App": "crm", "Tier": "crm"})
        make_group("crm", site, petra, Tier=["crm"])
        refused = api(petra).post(
            "/api/v1/protection-groups/", {"name": "x", "site": "Frankfurt", "tag_selector": {"App": ["crm"]}}
        )
        [error] = refused.json()["errors"]
        assert "and 4 more already belong to protection group “crm”" in error["detail"]

    def test_widening_a_group_over_another_is_refused_and_leaves_it_as_it_was(
        self, api: Api, petra: User, site: Site
    ) -> None:
        make_group("db", site, petra, Tier=["db"])
        make_group("web", site, petra, Tier=["web"])
        refused = api(petra).patch("/api/v1/protection-groups/web/", {"tag_selector": {"Tier": ["web", "db"]}})
        assert refused.status_code == 400
        assert "“db”" in refused.json()["detail"]
        assert names(api(petra).get("/api/v1/protection-groups/db/members/")) == ["db-1", "db-2"]
        assert ProtectionGroup.objects.get(name="web").tag_selector == {"Tier": ["web"]}

    def test_a_conflict_that_tags_brought_about_does_not_keep_from_renaming(
        self, api: Api, petra: User, site: Site
    ) -> None:
        make_group("db", site, petra, Tier=["db"])
        make_group("by-name", site, petra, SourceServer.objects.get(source_server_id="s-4"))
        SourceServer.objects.filter(source_server_id="s-4").update(tags={"Tier": "db"})
        assert api(petra).patch("/api/v1/protection-groups/db/", {"name": "databases"}).status_code == 200
        member = SourceServer.objects.get(source_server_id="s-4")
        assert str(member.protection_group) == "by-name"
        assert "“databases”" in member.membership_conflict

    def test_moving_a_group_to_another_site_frees_its_servers(self, api: Api, petra: User, site: Site) -> None:
        make_group("db", site, petra, Tier=["db"])
        ServerFactory.create(site__name="Dublin", hostname="there", tags={"Tier": "db"})
        moved = api(petra).patch("/api/v1/protection-groups/db/", {"site": "Dublin"})
        assert moved.json()["site"] == "Dublin"
        assert names(api(petra).get("/api/v1/protection-groups/db/members/")) == ["there"]
        assert not SourceServer.objects.filter(site=site).exclude(protection_group=None).exists()

    def test_a_server_gone_from_drs_stays_a_member_and_is_marked(self, api: Api, petra: User, site: Site) -> None:
        SourceServer.objects.filter(source_server_id="s-1").update(missing_since="2026-03-04T00:00:00Z")
        make_group("db", site, petra, Tier=["db"])
        rows = api(petra).get("/api/v1/protection-groups/db/members/").json()["results"]
        assert [row["missing_since"] for row in rows] == ["2026-03-04T00:00:00Z", None]

    def test_a_group_in_a_plan_cannot_be_deleted(self, api: Api, petra: User, site: Site) -> None:
        make_group("db", site, petra, Tier=["db"])
        plan_save(document={"name": "Web shop", "waves": [{"name": "One", "protection_groups": ["db"]}]}, by=petra)
        refused = api(petra).delete("/api/v1/protection-groups/db/")
        assert refused.status_code == 409
        assert "plan “Web shop”" in refused.json()["detail"]
        assert SourceServer.objects.filter(protection_group__name="db").count() == 2

    def test_a_change_from_an_old_version_is_refused(self, api: Api, petra: User, site: Site) -> None:
        make_group("db", site, petra, Tier=["db"])
        api(petra).patch("/api/v1/protection-groups/db/", {"description": "mine"})
        refused = api(petra).patch(
            "/api/v1/protection-groups/db/", {"description": "yours"}, headers={"If-Match": '"1"'}
        )
        assert refused.status_code == 412
        assert ProtectionGroup.objects.get().description == "mine"

    @pytest.mark.parametrize(
        ("person", "status"),
        [("vera", 403), ("aldo", 403), ("omar", 403), ("ravi", 403), ("petra", 201), ("dana", 201), ("ada", 201)],
    )
    def test_who_may_make_groups(
        self, api: Api, site: Site, person: str, status: int, request: pytest.FixtureRequest
    ) -> None:
        client = api(request.getfixturevalue(person))
        made = client.post("/api/v1/protection-groups/", {"name": "x", "site": "Frankfurt", "servers": ["s-1"]})
        assert made.status_code == status

    def test_listing(self, api: Api, vera: User, petra: User, site: Site) -> None:
        make_group("web", site, petra, Tier=["web"])
        make_group("db", site, petra, Tier=["db"])
        assert names(api(vera).get("/api/v1/protection-groups/")) == ["db", "web"]
        assert names(api(vera).get("/api/v1/protection-groups/?site=Frankfurt&search=we")) == ["web"]
        assert api(vera).get("/api/v1/protection-groups/?site=Nowhere").status_code == 400
