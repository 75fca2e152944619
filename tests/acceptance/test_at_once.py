"""Several who want the same at the same moment, each with a request of their own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.acceptance.system import System


def test_of_pipelines_that_apply_at_once_one_makes_the_change_and_the_others_find_it_made(system: System) -> None:
    group = {"kind": "protection_group", "name": "at-once", "site": "Frankfurt", "tag_selector": {"App": ["at-once"]}}
    plan = {"kind": "plan", "name": "At once", "waves": [{"name": "All", "protection_groups": ["at-once"]}]}
    with ThreadPoolExecutor(4) as threads:
        futures = [threads.submit(system.api.post, "bundle/", {"documents": [group, plan]}) for _ in range(4)]
        made = [[change["action"] for change in future.result()["changes"]] for future in futures]
    assert sorted(made) == [[], [], [], ["create", "create"]]
