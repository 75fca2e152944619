"""The small web shop that scenarios drill: what a planner makes before anybody can run anything, through the API."""

from __future__ import annotations

from drsorch.client import Api, Json, wait_for
from tests.factories.plans import web_shop

SITE = {"name": "Frankfurt", "account_id": "111122223333", "region": "eu-central-1"}
END_SECONDS = 120

#: What a wave, a server or an execution can end as.
FINAL = frozenset({"succeeded", "partially_succeeded", "failed", "cancelled", "rejected"})


def connect(api: Api, site: Json = SITE) -> Json:
    """Connect a site and wait until its inventory is there."""
    made = api.post("sites/", site)
    api.post(f"sites/{made['id']}/sync/")

    def synced() -> Json | None:
        seen = api.get(f"sites/{made['id']}/")
        return seen if seen["last_synced_at"] or seen["sync_error"] else None

    seen = wait_for("The inventory", synced, seconds=120)
    assert not seen["sync_error"], seen["sync_error"]
    return seen


def plan_make(api: Api) -> Json:
    """Databases, then the application, then the web servers, two servers each."""
    connect(api)
    for tier in ("db", "app", "web"):
        selector = {"App": ["shop"], "Tier": [tier]}
        api.post("protection-groups/", {"name": f"shop-{tier}", "site": SITE["name"], "tag_selector": selector})
    return api.post("plans/", web_shop(without=["Reports"]))


def drill_start(api: Api) -> str:
    return str(api.post("executions/", {"plan": "Web shop", "kind": "drill"})["id"])


def drill_end(api: Api, execution_id: str, seconds: float = END_SECONDS) -> Json:
    """The execution once it has ended."""

    def ended() -> Json | None:
        seen = api.get(f"executions/{execution_id}/")
        return seen if seen["status"] in FINAL else None

    return wait_for("The end of the drill", ended, seconds=seconds)


def drill_run(api: Api) -> Json:
    return drill_end(api, drill_start(api))


def servers(execution: Json) -> list[Json]:
    return [server for wave in execution["waves"] for server in wave["servers"]]
