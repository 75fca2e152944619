"""What Prometheus and Grafana are given fits what /metrics has, and does what it says."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from drsorch.environment import BASE_DIR
from executions.models import SiteWatch
from tests.factories.plans import PlanFactory
from tests.factories.protection import SiteFactory

MONITORING = BASE_DIR / "deploy/monitoring"
pytestmark = [pytest.mark.django_db, pytest.mark.any_database]
NAME = re.compile(r"\bdrsorch_\w+")
#: A sample of a histogram or a counter -> its family.
SUFFIX = re.compile(r"_(total|bucket|sum|count|created)$")


def rules() -> list[dict[str, Any]]:
    [group] = yaml.safe_load((MONITORING / "alerts.yaml").read_text())["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def expressions() -> Iterator[str]:
    for rule in rules():
        yield rule["expr"]
    for panel in json.loads((MONITORING / "grafana-dashboard.json").read_text())["panels"]:
        for target in panel["targets"]:
            yield target["expr"]


def exposed() -> dict[str, set[str]]:
    """Each family of /metrics and the labels that its samples may have."""
    site = SiteFactory.create(clock_skew_seconds=0.0, last_synced_at="2026-11-24T12:00Z")
    SiteWatch.objects.create(site=site, polled_at="2026-11-24T12:00Z")
    PlanFactory.create()
    text = Client().get("/metrics").content.decode()
    return {
        family.name: {label for sample in family.samples for label in sample.labels}
        for family in text_string_to_metric_families(text)
    }


def family(name: str) -> str:
    return name if name in ("drsorch_build_info",) else SUFFIX.sub("", name)


def test_every_metric_of_rules_and_dashboard_is_one_that_is_exposed() -> None:
    known = exposed()
    named = {family(name) for expression in expressions() for name in NAME.findall(expression)}
    assert len(named) > 15
    assert named - known.keys() == set()


def test_every_metric_has_a_help_line_and_a_row_in_the_documents() -> None:
    text = Client().get("/metrics").content.decode()
    helped = set(re.findall(r"^# HELP (\S+) \S.*\.$", text, re.MULTILINE))
    typed = set(re.findall(r"^# TYPE (\S+) \S+$", text, re.MULTILINE))
    assert {family(name) for name in typed} == {family(name) for name in helped}
    documented = {family(name) for name in NAME.findall((BASE_DIR / "docs/operations.md").read_text())}
    assert {family(name) for name in typed} == documented


def test_every_metric_is_watched_by_somebody() -> None:
    """One that neither a rule nor a panel uses is a cost for nothing."""
    used = {family(name) for expression in expressions() for name in NAME.findall(expression)}
    assert exposed().keys() - used == set()


def test_each_alert_says_whom_it_wakes_and_leads_to_the_runbook() -> None:
    for rule in rules():
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"].endswith(".")
        assert rule["annotations"]["description"].rstrip('"').endswith((".", ")."))
        document, _, anchor = rule["annotations"]["runbook"].partition("#")
        headings = re.findall(r"^#+ (.+)$", (BASE_DIR / document).read_text(), re.MULTILINE)
        assert anchor in {re.sub(r"[^\w -]", "", one).strip().lower().replace(" ", "-") for one in headings}


@pytest.mark.parametrize("command", [["check", "rules", "alerts.yaml"], ["test", "rules", "alerts_test.yaml"]])
def test_promtool_finds_the_rules_right(command: list[str]) -> None:
    ended = subprocess.run(["promtool", *command], cwd=MONITORING, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_every_alert_is_tried_both_ways() -> None:
    names = {rule["alert"] for rule in rules()}
    quiet, _, loud = yaml.safe_load((MONITORING / "alerts_test.yaml").read_text())["tests"]
    assert {one["alertname"] for one in quiet["alert_rule_test"]} == names
    fired = [sample["labels"] for sample in loud["promql_expr_test"][0]["exp_samples"]]
    assert {re.search(r'alertname="(\w+)"', labels)[1] for labels in fired} == names


def test_a_panel_says_what_it_shows_and_has_a_place_of_its_own() -> None:
    board = json.loads((MONITORING / "grafana-dashboard.json").read_text())
    places = set()
    for panel in board["panels"]:
        assert panel["title"]
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not places & cells
        assert place["x"] + place["w"] <= 24
        places |= cells
