"""A plan's runbook and the register over all plans, as PDF."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pypdf import PdfReader

from plans.core.by_hand import Place, launch, terminate_drill, watch
from reports.printing import pdf_of_register, pdf_of_runbook
from tests.factories.plans import make_web_shop

pytestmark = pytest.mark.any_database

NOW = datetime(2026, 11, 28, 6, 0, 12, tzinfo=UTC)
HOSTILE = '#read("/etc/passwd") $x$ *b* 田中 \u202e ' + "W" * 200


def text_of(pdf: bytes) -> str:
    return re.sub(r"\s", "", "".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages))


def a_plan(**changed: Any) -> dict[str, Any]:
    good = {
        "execution_id": "0e1f2a3b-4c5d-4e6f-8a9b-0c1d2e3f4a5b", "kind": "drill", "finished_at": NOW, "age_days": 31,
        "rto_target_seconds": 3600, "rto_actual_seconds": 2703, "rpo_target_seconds": 300, "rpo_actual_seconds": 412,
        "signed_by_owner": True, "signed_by_reviewer": False,
    }  # fmt: skip
    return {
        "name": "Web shop", "owner": "Olaf Winter", "last_good": good,
        "trend": {"rto_seconds": -157, "rpo_seconds": None}, "last": {**good, "status": "partially_succeeded"},
        "open_findings": [
            {"title": "Replica too old", "severity": "high", "owner": None, "due_on": date(2026, 11, 1),
             "overdue": True},
        ],
        "verdict": {"tone": "bad", "text": "RPO missed by 1 min 52 s in the last good drill"}, **changed,
    }  # fmt: skip


def a_register(*plans: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "format": "drsorch-register-1", "made_at": NOW, "made_by": "aldo", "plans": plans,
        "totals": {"plans": len(plans)},
    }  # fmt: skip


def test_a_register_says_of_each_plan_what_is_proven_and_what_is_open() -> None:
    never = a_plan(
        name="Payroll", owner=None, last_good=None, last=None, trend=None, open_findings=[],
        verdict={"tone": "bad", "text": "never run"},
    )  # fmt: skip
    document = a_register(a_plan(), never, a_plan(name=HOSTILE))
    pdf = pdf_of_register(document)
    assert pdf == pdf_of_register(document)
    shown = text_of(pdf)
    for said in (
        "31daysago", "45min3starget1h:met", "2min37sshorterthanbefore", "6min52starget5min:notmet", "trendunknown",
        "owner:signedreviewer:notsigned", "Replicatooold", "2026-11-01overdue", "Neverrun", "ownernotrecorded",
        '#read("/etc/passwd")', "‹U+7530U+4E2D›", "W" * 200, "Page1of",
    ):  # fmt: skip
        assert said in shown


def test_a_register_of_no_plans_is_a_page() -> None:
    assert "Therearenoplans." in text_of(pdf_of_register(a_register()))


def a_runbook(**plan: Any) -> dict[str, Any]:
    place, ids = Place("Frankfurt", "111122223333", "eu-central-1"), [f"s-{number:017x}" for number in range(3)]
    step = {
        "name": "Go-ahead", "kind": "approval", "description": "Look at the lag.", "link": "https://wiki.example.com/dr",
        "parameters": (("Question", "May it start?"),), "rules": "Time-out 30 min. If it fails, stop.",
    }  # fmt: skip
    servers = [
        {"hostname": "" if at else "db-1", "source_server_id": each, "os": "", "group": "shop-db", "site": "Frankfurt",
         "account": "111122223333", "region": "eu-central-1"} for at, each in enumerate(ids)
    ]  # fmt: skip
    wave = {
        "order": 1, "name": "Databases", "waits": "at once", "rules": "At least 100 % have to launch.",
        "groups": "1 protection group: shop-db", "before": (step,), "servers": servers, "after": (),
        "recover": launch(place, ids, drill=False), "drill": launch(place, ids, drill=True),
    }  # fmt: skip
    about = {
        "name": "Web shop", "revision": 12, "saved_at": NOW, "saved_by": "dana", "description": "", "contacts": "",
        "rto_target_seconds": 3600, "rpo_target_seconds": None, "mtpd_seconds": None, "archived": True, **plan,
    }  # fmt: skip
    sites = [{"name": "Frankfurt", "account_id": "111122223333", "region": "eu-central-1", "endpoint_url": ""}]
    return {
        "made_at": NOW, "made_by": "dana", "plan": about,
        "purpose": [{"label": "Scenario", "text": "A Region is lost."}],
        "runbook": {"waves": [wave], "servers": 3, "sites": sites, "watch": [watch(place)],
                    "terminate": terminate_drill(place, ids), "approvals": 1},
    }  # fmt: skip


def test_a_runbook_has_everything_that_is_needed_while_drsorch_is_down() -> None:
    document = a_runbook()
    pdf = pdf_of_runbook(document)
    assert pdf == pdf_of_runbook(document)
    shown = text_of(pdf)
    for command in (*document["runbook"]["waves"][0]["recover"], *document["runbook"]["terminate"]):
        assert re.sub(r"\s", "", command) in shown
    for said in (
        "3serversin1wave",
        "Thisplanisarchived.",
        "nohostname",
        "MayitstartTime"[:8],
        "Theplannamesnocontacts.",
    ):
        assert said in shown


def test_a_plan_without_servers_and_with_any_text_has_a_runbook() -> None:
    document = a_runbook(name=HOSTILE, contacts="W" * 500, description="a\n\nb")
    document["runbook"] |= {"waves": [], "servers": 0, "sites": [], "watch": [], "terminate": []}
    shown = text_of(pdf_of_runbook(document | {"purpose": []}))
    assert "‹U+7530U+4E2D›‹U+202E›" in shown
    assert "W" * 500 in shown


def test_a_plans_runbook_is_downloaded_from_its_page(vera: User, petra: User) -> None:
    plan = make_web_shop(petra)
    client = Client()
    client.force_login(vera, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(f"/admin/plans/plan/{plan.pk}/runbook/").content.decode()
    [address] = re.findall(r'href="([^"]+runbook\.pdf)"', page)
    answer = client.get(address)
    assert answer["Content-Type"] == "application/pdf"
    assert "Web shop runbook, revision 1.pdf" in answer["Content-Disposition"]
    text = text_of(answer.content)
    for words in ("Databases", "start-recovery", "vera"):
        assert words in text
    assert client.get("/admin/reports/runbook/999/runbook.pdf").status_code == 404
