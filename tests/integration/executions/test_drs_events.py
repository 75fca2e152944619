"""EventBridge events of DRS: hints, never truths."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from rest_framework.test import APIClient

from executions.models import DrsJob, SiteWatch
from protection.models import Site
from tests.harness import ACCOUNT, REGION, EngineHarness

URL = "/api/v1/events/drs/"


def launch_result(job_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "version": "0",
        "id": "9da9af57-9253-4406-87cb-7cc400e43465",
        "detail-type": "DRS Source Server Launch Result",
        "source": "aws.drs",
        "account": ACCOUNT,
        "time": "2026-03-03T09:12:19Z",
        "region": REGION,
        "resources": [f"arn:aws:drs:{REGION}:{ACCOUNT}:source-server/s-12345678901234567"],
        "detail": {"state": "RECOVERY_LAUNCH_SUCCEEDED", "job-id": job_id, "is-drill": "TRUE"},
        **changes,
    }


@pytest.mark.usefixtures("usual_polls")
def test_an_event_has_the_site_polled_at_once(
    harness: EngineHarness, frankfurt: Site, omar: User, api: Callable[[User], APIClient]
) -> None:
    harness.drill(harness.plan())
    harness.tick()
    job = DrsJob.objects.get()
    assert SiteWatch.objects.get().due_at > timezone.now()
    answer = api(omar).post(URL, launch_result(job.job_id), format="json")
    assert answer.status_code == 202
    assert answer.json() == {"sites": [frankfurt.name]}
    assert SiteWatch.objects.get().due_at <= timezone.now()
    harness.tick()
    # Hinted, the job is looked at densely, though nothing of it has ended yet.
    assert SiteWatch.objects.get().due_at <= timezone.now() + timedelta(seconds=2)
    assert not DrsJob.objects.get().finished


@pytest.mark.parametrize(
    "changes",
    [{"account": "999999999999"}, {"region": "us-east-1"}, {"detail-type": "DRS PIT Snapshot Taken"}],
)
def test_an_event_that_is_none_of_ours_moves_nothing(
    harness: EngineHarness, omar: User, api: Callable[[User], APIClient], changes: dict[str, Any]
) -> None:
    harness.drill(harness.plan())
    harness.tick()
    before = SiteWatch.objects.get().due_at
    answer = api(omar).post(URL, launch_result("drsjob-0123456789abcdef0", **changes), format="json")
    assert answer.status_code == 202
    assert answer.json() == {"sites": []}
    assert SiteWatch.objects.get().due_at == before


@pytest.mark.parametrize(
    "body", [{}, [], {"source": "aws.ec2"}, launch_result("x", source="aws.ec2"), launch_result("x", detail=1)]
)
def test_what_is_no_event_of_drs_is_refused_in_a_sentence(
    omar: User, api: Callable[[User], APIClient], body: object
) -> None:
    answer = api(omar).post(URL, body, format="json")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


def test_a_viewer_may_not_post_events(vera: User, api: Callable[[User], APIClient]) -> None:
    assert api(vera).post(URL, launch_result("x"), format="json").status_code == 403


@pytest.mark.usefixtures("usual_polls")
def test_text_that_no_database_holds_keeps_no_event_from_its_site(
    harness: EngineHarness, frankfurt: Site, omar: User, api: Callable[[User], APIClient]
) -> None:
    harness.drill(harness.plan())
    harness.tick()
    odd = launch_result("drsjob-\0\ud800", resources=["\0", {"\ud800": "\x1b"}], id="\0")
    answer = api(omar).post(URL, json.dumps(odd), content_type="application/json")
    assert (answer.status_code, answer.json()) == (202, {"sites": [frankfurt.name]})
    for name in ("account", "region", "source", "detail-type"):
        odd = launch_result("drsjob-0123456789abcdef0", **{name: "\0\ud800"})
        assert api(omar).post(URL, json.dumps(odd), content_type="application/json").status_code in (202, 400), name
