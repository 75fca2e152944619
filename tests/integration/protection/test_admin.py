"""The admin's pages of sites, source servers and protection groups, as people use them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from plans.services import plan_save
from protection import services
from protection.models import ProtectionGroup, Site, SourceServer
from tests.factories.protection import ACCOUNT, FRANKFURT, ServerFactory, SiteFactory, make_group, mirror_now
from tests.integration.protection.conftest import NOBODY_LISTENS
from tests.pages import form_of, press, text_of

pytestmark = pytest.mark.either_database

BrowserOf = Callable[[User], Client]

SITE = {
    "name": "Frankfurt", "account_id": ACCOUNT, "region": FRANKFURT, "role_arn": "", "external_id": "",
    "endpoint_url": "", "job_tags": "on", "expected_version": "",
}  # fmt: skip


def page(model: str, *args: Any, name: str = "change") -> str:
    return reverse(f"admin:protection_{model}_{name}", args=args)


def text(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status, answer
    return str(answer.content.decode())


@pytest.fixture
def shop(petra: User) -> Site:
    """A synced site with two databases in a group and an application server in none."""
    site = SiteFactory.create(name="Frankfurt", last_synced_at=timezone.now())
    for number, tier in enumerate(["db", "db", "app"], start=1):
        tags = {"App": "shop", "Tier": tier}
        ServerFactory.create(site=site, source_server_id=f"s-{number}", hostname=f"{tier}-{number}", tags=tags)
    make_group("shop-db", site, petra, Tier=["db"])
    return site


class TestSites:
    def test_a_new_site_is_due_for_its_first_sync(self, browser_of: BrowserOf, ada: User) -> None:
        answer = browser_of(ada).post(page("site", name="add"), SITE)
        assert answer.status_code == 302
        site = Site.objects.get()
        assert (site.name, site.job_tags, site.version) == ("Frankfurt", True, 1)
        assert site.due_at is not None

    def test_what_is_wrong_is_said_at_its_field_and_nothing_is_lost(self, browser_of: BrowserOf, ada: User) -> None:
        shown = text(browser_of(ada).post(page("site", name="add"), {**SITE, "account_id": "12", "name": "My site"}))
        assert "An AWS account id has 12 digits." in shown
        assert 'value="My site"' in shown
        assert not Site.objects.exists()

    def test_a_change_counts_up_the_version(self, browser_of: BrowserOf, ada: User) -> None:
        site = SiteFactory.create(name="Frankfurt", version=4)
        changed = {**SITE, "name": "Main", "expected_version": "4"}
        assert browser_of(ada).post(page("site", site.pk), changed).status_code == 302
        site.refresh_from_db()
        assert (site.name, site.version) == ("Main", 5)

    def test_somebody_elses_change_is_not_overwritten_unseen(self, browser_of: BrowserOf, ada: User) -> None:
        site = SiteFactory.create(**{key: SITE[key] for key in ("name", "account_id", "region")})
        services.site_update(site=site, changes={"external_id": "theirs"}, by=ada)
        mine = {**SITE, "external_id": "mine", "expected_version": "1"}
        browser = browser_of(ada)
        for _ in range(2):  # pressing twice is not seeing
            answer = browser.post(page("site", site.pk), mine)
            assert answer.status_code == 409
            assert "was changed in the meantime" in text(answer, 409)
            assert 'value="mine"' in text(answer, 409)
            mine = {**mine, **form_of(answer)}
        assert Site.objects.get().external_id == "theirs"
        assert browser.post(page("site", site.pk), {**mine, "overwrite": "2"}).status_code == 302
        assert Site.objects.get().external_id == "mine"

    def test_the_last_error_stands_on_list_and_page(self, browser_of: BrowserOf, vera: User) -> None:
        site = SiteFactory.create(sync_error="DRS is not initialised for account 1 in x.")
        browser = browser_of(vera)
        for url in (page("site", name="changelist"), page("site", site.pk)):
            shown = text(browser.get(url))
            assert "sync failed" in shown
            assert "DRS is not initialised for account 1 in x." in shown

    def test_quotas_and_their_source(self, browser_of: BrowserOf, vera: User) -> None:
        site = SiteFactory.create(quota_concurrent_jobs=37, quota_source="service-quotas")
        shown = text(browser_of(vera).get(page("site", site.pk)))
        assert "37" in shown
        assert "Service Quotas" in shown

    def test_the_sync_button(self, browser_of: BrowserOf, frankfurt: Site, omar: User) -> None:
        browser = browser_of(omar)
        url = page("site", frankfurt.pk, name="sync")
        assert url in text(browser.get(page("site", name="changelist")))
        assert url in text(browser.get(page("site", frankfurt.pk)))
        answer = browser.post(url, {"from": "list"}, follow=True)
        assert answer.redirect_chain[-1][0] == page("site", name="changelist")
        assert "The inventory of “Frankfurt” is being synced." in text(answer)
        assert "sync is due" in text(answer)
        mirror_now(frankfurt.pk)
        assert "7 source servers" in text(browser.get(page("site", frankfurt.pk, name="state"), {"full": "1"}))

    def test_the_state_renews_itself_only_while_something_is_about_to_happen(
        self, browser_of: BrowserOf, ada: User, frankfurt: Site
    ) -> None:
        services.site_sync_request(site=frankfurt, by=ada)
        url = page("site", frankfurt.pk, name="state")
        assert "every 2s" in text(browser_of(ada).get(url))
        mirror_now(frankfurt.pk)
        assert "every 2s" not in text(browser_of(ada).get(url))

    def test_looking_at_the_sync_page_syncs_nothing(self, browser_of: BrowserOf, ada: User) -> None:
        site = SiteFactory.create()
        browser_of(ada).get(page("site", site.pk, name="sync"))
        assert Site.objects.get().due_at is None

    def test_a_viewer_has_no_sync_button_and_no_form(self, browser_of: BrowserOf, vera: User) -> None:
        site = SiteFactory.create()
        browser = browser_of(vera)
        url = page("site", site.pk, name="sync")
        assert url not in text(browser.get(page("site", name="changelist")))
        shown = text(browser.get(page("site", site.pk)))
        assert url not in shown
        assert 'name="account_id"' not in shown
        browser.post(url)
        assert Site.objects.get().due_at is None
        assert browser.get(page("site", name="add")).status_code == 403

    def test_a_site_in_use_is_kept_and_says_by_what(self, browser_of: BrowserOf, ada: User, shop: Site) -> None:
        answer = press(browser_of(ada), page("site", shop.pk, name="delete"), follow=True)
        assert "it is used by protection group “shop-db”" in text(answer)
        assert Site.objects.exists()

    def test_one_that_nothing_uses_can_be_deleted(self, browser_of: BrowserOf, ada: User) -> None:
        server = ServerFactory.create()
        answer = press(browser_of(ada), page("site", server.site_id, name="delete"))
        assert answer.status_code == 302
        assert not Site.objects.exists()


class TestSourceServers:
    def test_the_list_shows_state_lag_and_group(self, browser_of: BrowserOf, vera: User, shop: Site) -> None:
        SourceServer.objects.filter(hostname="db-1").update(replication_state="STALLED", lag_seconds=7300)
        shown = text(browser_of(vera).get(page("sourceserver", name="changelist")))
        for words in ("stalled", "2 h", "unprotected", "shop-db", "continuous"):
            assert words in shown

    @pytest.mark.parametrize(
        ("query", "hostnames"),
        [
            ("replication_state=STALLED", {"db-1"}),
            ("protected=no", {"app-3"}),
            ("protected=yes", {"db-1", "db-2"}),
            ("protected=conflict", {"db-2"}),
            ("gone=yes", {"db-2"}),
            ("gone=no", {"db-1", "app-3"}),
            ("q=s-3", {"app-3"}),
        ],
    )
    def test_filters(self, browser_of: BrowserOf, vera: User, shop: Site, query: str, hostnames: set[str]) -> None:
        SourceServer.objects.filter(hostname="db-1").update(replication_state="STALLED")
        SourceServer.objects.filter(hostname="db-2").update(missing_since=timezone.now(), membership_conflict="Two.")
        shown = text(browser_of(vera).get(f"{page('sourceserver', name='changelist')}?{query}"))
        assert {name for name in ("db-1", "db-2", "app-3") if f">{name}<" in shown} == hostnames

    def test_its_page(self, browser_of: BrowserOf, vera: User, shop: Site) -> None:
        server = SourceServer.objects.get(hostname="db-1")
        SourceServer.objects.filter(pk=server.pk).update(membership_conflict="It is in two.")
        shown = text(browser_of(vera).get(page("sourceserver", server.pk)))
        assert "It is in two." in shown
        assert "<b>Tier</b> db" in shown

    def test_its_page_leaves_out_what_there_is_nothing_to_say_of(
        self, browser_of: BrowserOf, vera: User, shop: Site
    ) -> None:
        server = SourceServer.objects.get(hostname="db-1")
        labels = ("Membership conflict", "Replication error", "Missing from DRS since", "Recovery instance")
        shown = text(browser_of(vera).get(page("sourceserver", server.pk)))
        assert [label for label in labels if label in shown] == []
        now = timezone.now()
        SourceServer.objects.filter(pk=server.pk).update(
            membership_conflict="Two.", replication_error="Slow.", missing_since=now, recovery_instance_id="i-1",
            last_launch_status="IN_PROGRESS", last_launch_at=now,
        )  # fmt: skip
        shown = text(browser_of(vera).get(page("sourceserver", server.pk)))
        assert [label for label in labels if label in shown] == list(labels)
        assert "in progress, " in shown

    def test_points_in_time_are_asked_of_drs(self, browser_of: BrowserOf, vera: User, frankfurt: Site) -> None:
        mirror_now(frankfurt.pk)
        url = page("sourceserver", SourceServer.objects.get(hostname="db-1").pk, name="points")
        assert "pit-" in text(browser_of(vera).get(url))
        Site.objects.update(endpoint_url=NOBODY_LISTENS)
        assert "cannot be read at the moment" in text(browser_of(vera).get(url))

    def test_only_what_is_gone_from_drs_can_be_forgotten(self, browser_of: BrowserOf, petra: User, shop: Site) -> None:
        server = SourceServer.objects.get(hostname="db-1")
        url = page("sourceserver", server.pk, name="delete")
        assert browser_of(petra).post(url, {"post": "yes"}).status_code == 403
        SourceServer.objects.filter(pk=server.pk).update(missing_since=timezone.now())
        assert url in text(browser_of(petra).get(page("sourceserver", server.pk)))
        assert press(browser_of(petra), url).status_code == 302
        assert not SourceServer.objects.filter(pk=server.pk).exists()


class TestProtectionGroups:
    def form(self, site: Site, **fields: Any) -> dict[str, Any]:
        values = {"name": "new", "site": site.pk, "description": "", "tag_selector": "", "expected_version": ""}
        return {**values, **fields}

    def test_by_tags_and_one_by_one(self, browser_of: BrowserOf, petra: User, shop: Site) -> None:
        SourceServer.objects.filter(hostname="db-2").update(tags={"App": "shop", "Tier": "cache"})
        services.group_delete(group=ProtectionGroup.objects.get(), by=petra)
        chosen = SourceServer.objects.get(hostname="app-3")
        form = self.form(shop, tag_selector="App=shop\nTier = db, cache", servers=[chosen.pk])
        browser = browser_of(petra)
        assert browser.post(page("protectiongroup", name="add"), form).status_code == 302
        group = ProtectionGroup.objects.get()
        assert group.tag_selector == {"App": ["shop"], "Tier": ["db", "cache"]}
        assert group.explicit_servers == ["s-3"]
        shown = text(browser.get(page("protectiongroup", group.pk)))
        assert "Current members: 3 servers" in shown
        assert "App = shop\nTier = db, cache" in shown
        assert f'<option value="{chosen.pk}" selected>' in shown

    @pytest.mark.parametrize(
        ("fields", "sentence"),
        [
            ({"tag_selector": "App=shop\nTier db"}, "Line 2, “Tier db”, must be written as Key = value, value."),
            ({"tag_selector": "Tier = none"}, "No source server of site “Frankfurt” has the tags Tier = none."),
            ({}, "A protection group needs servers"),
            ({"tag_selector": "App = shop"}, "db-1 (s-1) and db-2 (s-2) already belong to protection group “shop-db”"),
            ({"name": "shop-db", "tag_selector": "Tier = app"}, "already a protection group with this name"),
        ],
    )
    def test_what_is_wrong_is_said_and_nothing_is_lost(
        self, browser_of: BrowserOf, petra: User, shop: Site, fields: dict[str, str], sentence: str
    ) -> None:
        form = self.form(shop, description="Words of mine.", **fields)
        shown = text(browser_of(petra).post(page("protectiongroup", name="add"), form))
        assert sentence in shown
        assert "Words of mine." in shown
        assert fields.get("tag_selector", "") in shown
        assert ProtectionGroup.objects.count() == 1

    def test_a_server_of_another_site_is_refused_and_stays_chosen(
        self, browser_of: BrowserOf, petra: User, shop: Site
    ) -> None:
        elsewhere = ServerFactory.create(source_server_id="s-9", site__name="Dublin")
        form = self.form(shop, servers=[elsewhere.pk])
        shown = text(browser_of(petra).post(page("protectiongroup", name="add"), form))
        assert "Site “Frankfurt” has no source server s-9." in shown
        assert f'<option value="{elsewhere.pk}" selected>' in shown

    def test_saving_without_a_change_keeps_the_version(self, browser_of: BrowserOf, petra: User, shop: Site) -> None:
        ids = ["s-2", "s-1"]
        group = services.group_update(
            group=ProtectionGroup.objects.get(), changes={"servers": ids, "tag_selector": {}}, by=petra
        )
        chosen = list(SourceServer.objects.filter(source_server_id__in=ids).values_list("pk", flat=True))
        form = self.form(shop, name="shop-db", servers=chosen, expected_version="2")
        assert browser_of(petra).post(page("protectiongroup", group.pk), form).status_code == 302
        group.refresh_from_db()
        assert (group.version, group.explicit_servers) == (2, ids)

    def test_moved_to_another_site_it_leaves_its_old_servers_unprotected(
        self, browser_of: BrowserOf, petra: User, shop: Site
    ) -> None:
        there = ServerFactory.create(hostname="db-9", site__name="Dublin", tags={"Tier": "db"})
        group = ProtectionGroup.objects.get()
        form = self.form(there.site, name="shop-db", tag_selector="Tier = db", expected_version="1")
        assert browser_of(petra).post(page("protectiongroup", group.pk), form).status_code == 302
        assert [server.hostname for server in group.members.all()] == ["db-9"]

    def test_the_field_of_servers_finds_them(self, browser_of: BrowserOf, petra: User, shop: Site) -> None:
        ServerFactory.create(hostname="db-9", site__name="Dublin")
        browser = browser_of(petra)
        url = page("protectiongroup", name="servers")
        everywhere = browser.get(url, {"term": "db-"}).json()
        assert [row["text"].partition(" ")[0] for row in everywhere["results"]] == ["db-1", "db-2", "db-9"]
        assert everywhere["pagination"] == {"more": False}
        here = browser.get(url, {"term": "db-", "site": shop.pk}).json()
        assert len(here["results"]) == 2

    def test_a_group_that_became_empty_says_so(self, browser_of: BrowserOf, vera: User, shop: Site) -> None:
        SourceServer.objects.update(protection_group=None)
        browser = browser_of(vera)
        assert "none" in text(browser.get(page("protectiongroup", name="changelist")))
        shown = text(browser.get(page("protectiongroup", ProtectionGroup.objects.get().pk)))
        assert "The group no longer selects any source server of “Frankfurt”." in shown

    def test_members_gone_from_drs_and_in_conflict_are_marked(
        self, browser_of: BrowserOf, vera: User, shop: Site
    ) -> None:
        SourceServer.objects.filter(hostname="db-1").update(missing_since=timezone.now())
        SourceServer.objects.filter(hostname="db-2").update(membership_conflict="Two groups want it.")
        shown = text(browser_of(vera).get(page("protectiongroup", ProtectionGroup.objects.get().pk)))
        assert "missing from DRS" in shown
        assert "Two groups want it." in shown
        assert 'name="tag_selector"' not in shown

    def test_a_group_in_a_plan_is_kept_and_says_by_which(self, browser_of: BrowserOf, petra: User, shop: Site) -> None:
        plan_save(document={"name": "Web shop", "waves": [{"name": "One", "protection_groups": ["shop-db"]}]}, by=petra)
        url = page("protectiongroup", ProtectionGroup.objects.get().pk, name="delete")
        assert "used by plan “Web shop”" in text(press(browser_of(petra), url, follow=True))
        assert ProtectionGroup.objects.exists()


class TestWhatAGroupSelects:
    """As it is typed, before it is saved."""

    @staticmethod
    def asked(client: Client, group: ProtectionGroup | None = None, **typed: Any) -> str:
        url = page("protectiongroup", name="selection_new") if group is None else ""
        url = url or page("protectiongroup", group.pk if group else 0, name="selection")
        return " ".join(text_of(client.post(url, {"tag_selector": "", **typed})).split())

    def test_is_listed_with_how_it_replicates_and_nothing_is_saved(
        self, browser_of: BrowserOf, petra: User, shop: Site
    ) -> None:
        client = browser_of(petra)
        assert "Select a site" in self.asked(client)
        assert "Nothing is selected yet." in self.asked(client, site=shop.pk)
        shown = self.asked(client, site=shop.pk, tag_selector="Tier = app")
        assert "1 server at Frankfurt" in shown
        assert "app-3 s-3" in shown
        assert ("no group" in shown, "cannot be saved" in shown) == (True, False)
        picked = SourceServer.objects.get(hostname="app-3")
        assert "1 server at Frankfurt" in self.asked(client, site=shop.pk, servers=[picked.pk])
        assert ProtectionGroup.objects.count() == 1

    def test_says_what_would_keep_it_from_being_saved(self, browser_of: BrowserOf, petra: User, shop: Site) -> None:
        client = browser_of(petra)
        taken = self.asked(client, site=shop.pk, tag_selector="App = shop")
        assert "db-1 (s-1) and db-2 (s-2) already belong to protection group “shop-db”" in taken
        assert "3 servers at Frankfurt" in taken
        assert taken.index("group shop-db") < taken.index("no group")
        assert "has the tags Tier = bd" in self.asked(client, site=shop.pk, tag_selector="Tier = bd")
        assert "must be written as Key = value" in self.asked(client, site=shop.pk, tag_selector="Tier db")

    def test_of_a_saved_group_its_own_servers_are_no_hindrance(
        self, browser_of: BrowserOf, petra: User, vera: User, shop: Site
    ) -> None:
        group = ProtectionGroup.objects.get()
        shown = self.asked(browser_of(petra), group, site=shop.pk, tag_selector="App = shop")
        assert "cannot be saved" not in shown
        assert shown.count("this group") == 2
        assert "The same 2 servers as it has now." in self.asked(
            browser_of(petra), group, site=shop.pk, tag_selector="Tier = db"
        )
        refused = browser_of(vera).post(page("protectiongroup", group.pk, name="selection"), {"site": shop.pk})
        assert refused.status_code == 403

    def test_saving_says_how_many_servers_it_has(self, browser_of: BrowserOf, petra: User, shop: Site) -> None:
        client = browser_of(petra)
        form = {"name": "shop-app", "site": shop.pk, "description": "", "tag_selector": "Tier = app"}
        saved = client.post(page("protectiongroup", name="add"), form, follow=True)
        assert "It has 1 server now: app-3." in text(saved)
        assert ">Add protection group</h2>" in text(client.get(page("protectiongroup", name="add")))
