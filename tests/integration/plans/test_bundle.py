"""Plans as code: everything as documents, compared and applied in one transaction."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.test import Client
from rest_framework.test import APIClient

from access.models import Assignment
from audit.models import Event
from foundation.files.yaml_text import MEDIA_TYPE, read, written
from plans.core.bundle import document_schema
from plans.models import Plan, PlanRevision
from plans.services import plan_save
from protection.models import ProtectionGroup, Site, SourceServer
from tests.factories.executions import ExecutionFactory
from tests.factories.people import make_user
from tests.factories.plans import make_web_shop, web_shop
from tests.factories.protection import ServerFactory, SyncedSiteFactory
from tests.factories.trail import faults_found
from tests.pages import text_of

pytestmark = pytest.mark.django_db

Json = dict[str, Any]
Api = Callable[[User], APIClient]
Browser = Callable[[User], Client]
URL = "/api/v1/bundle/"
GIT = {"repository": "https://git.example.com/dr/plans.git", "directory": "", "ref": "main", "commit": "1a2b3c4d5e6f"}
SITE = {"kind": "site", "name": "Frankfurt", "account_id": "111122223333", "region": "eu-central-1"}
TIERS = ("db", "app", "web")


def group(name: str, tier: str = "", **fields: Any) -> Json:
    selector = {"App": ["shop"], "Tier": [tier or name.removeprefix("shop-")]}
    return {"kind": "protection_group", "name": name, "site": "Frankfurt", "tag_selector": selector, **fields}


def shop(**names: str) -> list[Json]:
    """A site, three groups and a plan. `db="database"`: the group of that tier has that name."""
    plan = web_shop(without=["Reports"])
    for wave in plan["waves"]:
        wave["protection_groups"] = [names.get(name.removeprefix("shop-"), name) for name in wave["protection_groups"]]
    groups = [group(names.get(tier, f"shop-{tier}"), tier) for tier in TIERS]
    return [SITE, *groups, {"kind": "plan", **plan}]


def send(client: APIClient, documents: list[Json], status: int = 200, **options: Any) -> Any:
    answer = client.post(URL, {"documents": documents, **options})
    assert answer.status_code == status, answer.content
    return answer.json()


def told(answer: Json) -> list[tuple[str, str]]:
    return [(change["action"], change["name"]) for change in answer["changes"]]


def inventory() -> None:
    site = Site.objects.get(name="Frankfurt")
    for tier in TIERS:
        ServerFactory.create(site=site, hostname=f"{tier}-1", tags={"App": "shop", "Tier": tier})


def test_into_an_empty_installation_twice_and_a_group_renamed_in_between(api: Api, ada: User, client: Client) -> None:
    ada_api = api(ada)
    first = send(ada_api, shop(), message="First", source=GIT)
    assert told(first) == [
        ("create", "Frankfurt"), ("create", "shop-db"), ("create", "shop-app"), ("create", "shop-web"),
        ("create", "Web shop"),
    ]  # fmt: skip
    assert [one["name"] for one in first["warnings"]] == ["shop-app", "shop-db", "shop-web"]
    assert told(send(ada_api, shop(), source={**GIT, "commit": "2b"})) == []

    renamed = shop(db="database")
    renamed[1]["renamed_from"] = "shop-db"
    again = send(ada_api, renamed, message="A better name", source={**GIT, "commit": "3c"})
    assert told(again) == [("rename", "database")]
    assert again["changes"][0]["differences"][0] == {"path": "name", "before": "shop-db", "after": "database"}
    assert told(send(ada_api, renamed, source=GIT)) == []

    assert ProtectionGroup.objects.get(name="database").source_commit == "3c"
    # Renamed on a screen, it gets the name back that its document has.
    ada_api.patch("/api/v1/protection-groups/database/", {"name": "By hand"})
    assert told(send(ada_api, renamed, source=GIT)) == [("rename", "database")]
    revision = PlanRevision.objects.get()
    assert (revision.message, revision.source) == ("First", {**GIT, "name": "Web shop"})
    event = Event.objects.filter(type="protection_group.changed").order_by("pk")[0]
    assert (event.actor, event.detail["message"], event.via) == ("ada", "A better name", "api")
    assert faults_found() == []


def test_without_a_source_a_group_that_was_renamed_here_is_still_that_group(api: Api, ada: User) -> None:
    send(api(ada), shop())
    api(ada).patch("/api/v1/protection-groups/shop-db/", {"name": "database"})
    assert told(send(api(ada), shop())) == [("rename", "shop-db")]
    assert told(send(api(ada), shop())) == []
    assert ProtectionGroup.objects.count() == 3


def test_what_is_exported_applies_to_nothing_here_and_as_yaml_too(api: Api, petra: User, ada: User) -> None:
    make_web_shop(petra)
    account = Site.objects.get().account_id
    Site.objects.update(role_arn=f"arn:aws:iam::{account}:role/dr", external_id="hush")
    documents = api(ada).get(URL).json()["documents"]
    assert "hush" not in str(documents)
    assert [one["kind"] for one in documents] == ["site", *["protection_group"] * 4, "plan"]
    # Groups of these tests have members without selecting them.
    for one in documents[1:5]:
        one["tag_selector"] = {"App": [one["name"]]}
        ProtectionGroup.objects.filter(name=one["name"]).update(tag_selector=one["tag_selector"])
    answer = send(api(ada), documents)
    assert (answer["changes"], answer["unchanged"]) == ([], 6)
    yaml = api(ada).get(URL, {"format": "yaml"})
    assert read(yaml.content.decode())["documents"] == documents
    text = written({"documents": documents, "dry_run": True})
    assert api(ada).generic("POST", URL, text, MEDIA_TYPE).json()["changes"] == []


def test_a_role_is_shown_to_those_who_may_change_sites_and_stays_where_it_is_not(
    api: Api, petra: User, ada: User
) -> None:
    role = "arn:aws:iam::111122223333:role/drsorch"
    send(api(ada), [{**SITE, "role_arn": role}])
    (seen,) = api(petra).get(URL).json()["documents"]
    assert seen["role_arn"] is None
    assert api(ada).get(URL).json()["documents"][0]["role_arn"] == role
    assert told(send(api(petra), [seen])) == []
    assert Site.objects.get().role_arn == role


def test_a_dry_run_changes_nothing_and_its_fingerprint_holds_the_apply_to_it(api: Api, ada: User) -> None:
    events = Event.objects.count()
    looked = send(api(ada), shop(), dry_run=True)
    assert (looked["dry_run"], len(looked["changes"])) == (True, 5)
    assert (Site.objects.count(), Plan.objects.count(), Event.objects.count()) == (0, 0, events)

    send(api(ada), [SITE])
    stale = send(api(ada), shop(), 412, fingerprint=looked["fingerprint"])
    assert stale["type"] == "urn:drsorch:problem:changed-since-diff"
    assert Plan.objects.count() == 0

    looked = send(api(ada), shop(), dry_run=True)
    assert told(send(api(ada), shop(), fingerprint=looked["fingerprint"])) == told(looked)


def test_what_was_made_by_hand_is_adopted_once_and_its_next_revision_says_from_where(api: Api, ada: User) -> None:
    send(api(ada), shop())
    adopted = send(api(ada), shop(), source=GIT, message="From here on")
    assert told(adopted) == [("change", name) for name in ("Frankfurt", "shop-db", "shop-app", "shop-web", "Web shop")]
    assert told(send(api(ada), shop(), source=GIT)) == []
    assert Plan.objects.get().version == 1, "to be kept elsewhere is no revision"
    event = Event.objects.get(type="plan.source_changed")
    assert event.detail["message"] == "From here on"
    changed = [*shop()[:-1], {**shop()[-1], "rto_target_seconds": 60}]
    assert told(send(api(ada), changed, source={**GIT, "commit": "9f"}, message="Faster")) == [("change", "Web shop")]
    revision = PlanRevision.objects.get(number=2)
    assert (revision.message, revision.source) == ("Faster", {**GIT, "commit": "9f", "name": "Web shop"})
    assert faults_found() == []
    Plan.objects.update(source_repository="elsewhere")
    assert all(fault.message.startswith("source is {") for fault in faults_found())


def test_nothing_is_applied_unless_all_of_it_can_be(api: Api, ada: User) -> None:
    SyncedSiteFactory.create(name="Dublin", account_id=SITE["account_id"], region=SITE["region"])
    refused = send(api(ada), shop(), 400)
    (error,) = refused["errors"]
    assert error["attr"] == "documents.0"
    assert error["detail"].startswith("Site “Frankfurt”: Another site already has this account, Region and endpoint")
    assert not ProtectionGroup.objects.exists()


def test_every_change_takes_its_own_right(api: Api, ada: User, petra: User, vera: User) -> None:
    refused = send(api(petra), shop(), 403)
    assert refused["detail"].startswith("Site “Frankfurt”: You may not add a site.")
    send(api(ada), [SITE])
    assert len(send(api(petra), shop())["changes"]) == 4
    assert told(send(api(vera), shop())) == [], "to find out that nothing differs takes no right to change it"
    changed = [*shop()[:-1], {**shop()[-1], "description": "x"}]
    assert send(api(vera), changed, 403)["detail"].startswith("Plan “Web shop”: You may not")
    Site.objects.update(role_arn="arn:aws:iam::111122223333:role/secret")
    looked = send(api(vera), [{**SITE, "role_arn": ""}, *changed[1:]], dry_run=True)
    assert told(looked) == [("change", "Frankfurt"), ("change", "Web shop")], "a review takes a reader's token alone"
    assert looked["refused"].startswith("Site “Frankfurt”: You may not change a site")
    assert "secret" not in str(looked)
    assert send(api(petra), changed, dry_run=True)["refused"] is None


def test_a_planner_of_one_site_exports_and_applies_what_is_there_alone(api: Api, ada: User) -> None:
    elsewhere = {**SITE, "name": "Dublin", "region": "eu-west-1"}
    crm = group("crm", site="Dublin")
    send(api(ada), [*shop(), elsewhere, crm])
    paula = make_user("", "viewer")
    paula.groups.clear()
    Assignment.objects.create(
        user=paula, role=Group.objects.get(name="planner"), kind="site", target=Site.objects.get(name="Frankfurt").pk
    )
    paula = User.objects.get(pk=paula.pk)
    documents = api(paula).get(URL).json()["documents"]
    assert [one["name"] for one in documents] == ["Frankfurt", "shop-app", "shop-db", "shop-web", "Web shop"]
    assert told(send(api(paula), documents)) == []
    changed = [{**one, "description": "hers"} if one["name"] == "shop-db" else one for one in documents]
    assert told(send(api(paula), changed)) == [("change", "shop-db")]
    send(api(paula), [*documents, {**crm, "site": "Frankfurt"}], 400)
    send(api(paula), [group("new", site="Dublin")], 400)
    assert ProtectionGroup.objects.count() == 4


def test_servers_move_between_groups_whichever_comes_first(api: Api, ada: User) -> None:
    send(api(ada), shop())
    inventory()
    exchanged = [SITE, group("shop-db", "web"), group("shop-web", "db"), *shop()[4:]]
    assert told(send(api(ada), exchanged)) == [("change", "shop-db"), ("change", "shop-web")]
    assert SourceServer.objects.get(hostname="db-1").protection_group == ProtectionGroup.objects.get(name="shop-web")

    both = [*exchanged, group("again", "db", tag_selector={"Tier": ["db"]})]
    (error,) = send(api(ada), both, 400)["errors"]
    assert (error["attr"], error["code"]) == ("documents.4", "overlap")
    assert error["detail"].endswith("write renamed_from in its document, with the old name.")


def test_a_group_declared_before_its_servers_blocks_every_run_until_they_are_there(
    api: Api, ada: User, omar: User
) -> None:
    documents = shop()
    documents[1]["servers"] = ["s-later"]
    SyncedSiteFactory.create(name="Frankfurt", account_id=SITE["account_id"])
    warnings = send(api(ada), documents)["warnings"]
    assert warnings[1]["message"] == "Site “Frankfurt” has no source server s-later yet."
    inventory()
    again = group("shop-db", servers=["s-later"], description="now")
    send(api(ada), [again])
    plan = Plan.objects.get()
    finding = api(ada).get(f"/api/v1/plans/{plan.pk}/readiness/").json()["findings"][0]
    assert (finding["severity"], finding["code"], finding["subject"]) == ("blocking", "server_unknown", "shop-db")
    started = api(omar).post("/api/v1/executions/", {"plan": plan.pk, "kind": "drill"})
    assert started.status_code == 409
    assert "s-later" in started.json()["detail"]
    ServerFactory.create(site=Site.objects.get(), source_server_id="s-later")
    found = api(ada).post(f"/api/v1/plans/{plan.pk}/readiness/").json()["findings"]
    assert "server_unknown" not in [one["code"] for one in found]


def test_pruned_is_what_came_from_there_and_evidence_is_kept(api: Api, ada: User, petra: User) -> None:
    send(api(ada), [*shop(), {**shop()[-1], "name": "Never run"}], source=GIT)
    plan_save(document={"name": "By hand"}, by=petra)
    ExecutionFactory.create(plan=Plan.objects.get(name="Web shop"), status="succeeded")
    left = send(api(ada), [SITE], source=GIT)
    assert told(left) == []
    assert {one["name"] for one in left["kept"]} == {"Web shop", "Never run", "shop-db", "shop-app", "shop-web"}

    answer = send(api(ada), [SITE], source=GIT, prune=True, message="Gone")
    assert told(answer) == [("delete", "Never run"), ("archive", "Web shop")]
    assert {one["name"] for one in answer["kept"]} == {"shop-db", "shop-app", "shop-web"}
    assert told(send(api(ada), [SITE], source=GIT, prune=True)) == []
    back = send(api(ada), shop(), source=GIT, prune=True)
    assert back["changes"][0]["differences"] == [{"path": "archived", "before": True, "after": False}]
    assert Plan.objects.filter(name="By hand").exists()
    # The drill of this test has no events.
    assert {fault.subject_type for fault in faults_found()} == {"execution"}


def test_the_answer_to_a_lost_apply_is_the_same_again(api: Api, ada: User) -> None:
    client = api(ada)
    answers = [client.post(URL, {"documents": [SITE]}, headers={"Idempotency-Key": "one"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()


def test_the_schema_is_open_to_every_editor(client: Client) -> None:
    assert client.get(f"{URL}schema/").json() == document_schema()


def test_what_is_kept_in_git_says_so_where_people_would_change_it(
    api: Api, browser_of: Browser, ada: User, petra: User
) -> None:
    secret = {**GIT, "repository": "https://robot:t0ken@git.example.com/dr/plans.git"}
    send(api(ada), shop(), message="First import", source=secret)
    plan, one = Plan.objects.get(), ProtectionGroup.objects.get(name="shop-db")
    browser = browser_of(petra)
    of_plan = [f"plans/plan/{plan.pk}/{page}/" for page in ("change", "settings", "wave", "import")]
    for page in (*of_plan, f"protection/protectiongroup/{one.pk}/change/"):
        text = text_of(browser.get(f"/admin/{page}"))
        assert "Kept in git at https://git.example.com/dr/plans.git, ref main, commit 1a2b3c4d5e6f" in text, page
        assert "overwritten" in text
        assert "t0ken" not in text
    assert "First import" in text_of(browser.get(f"/admin/plans/plan/{plan.pk}/history/"))
    revision = api(petra).get(f"/api/v1/plans/{plan.pk}/revisions/1/").json()
    assert (revision["message"], revision["source"]["commit"]) == ("First import", GIT["commit"])
    assert api(petra).get(f"/api/v1/plans/{plan.pk}/").json()["source"] == GIT
    assert "Frankfurt" in text_of(browser_of(ada).get(f"/admin/protection/site/{Site.objects.get().pk}/change/"))


def test_the_command_line_of_the_server_does_the_same(ada: User, petra: User, tmp_path: Path) -> None:
    def run(*arguments: str) -> str:
        out = io.StringIO()
        call_command("bundle", *arguments, "--as", "ada", stdout=out, stderr=out)
        return out.getvalue()

    for at, document in enumerate(shop()):
        (tmp_path / f"{at}.yaml").write_text(written(document))
    with pytest.raises(SystemExit) as exit_code:
        run("diff", str(tmp_path))
    assert exit_code.value.code == 2
    assert "create plan “Web shop”" in run("apply", str(tmp_path), "--repository", GIT["repository"])
    assert "0 changes, 5 unchanged." in run("diff", str(tmp_path))
    run("export", str(tmp_path / "all.yml"))
    assert len(read((tmp_path / "all.yml").read_text())["documents"]) == 5
    (tmp_path / "all.yml").unlink()
    (tmp_path / "1.yaml").write_text(written(group("shop-db", site="Paris")))
    with pytest.raises(CommandError, match=r"1\.yaml: site: Protection group “shop-db”: there is no site “Paris”"):
        run("apply", str(tmp_path))
    with pytest.raises(CommandError, match="no active user"):
        call_command("bundle", "export", "--as", "nobody")
