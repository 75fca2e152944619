"""EventBridge events of DRS: hints, never truths."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.utils import timezone
from rest_framework.test import APIClient
from structlog.testing import capture_logs

from access.services import token_issue
from executions.models import DrsJob, SiteWatch
from foundation.outside import asking
from protection.models import Site
from tests.harness import ACCOUNT, REGION, EngineHarness

pytestmark = pytest.mark.either_database

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


def happened(kind: str, **detail: Any) -> dict[str, Any]:
    return {**launch_result("", detail=detail), "detail-type": kind}


def test_stalled_replication_has_the_site_synced_but_not_more_than_twice_a_minute(
    frankfurt: Site, omar: User, api: Callable[[User], APIClient]
) -> None:
    now = timezone.now()
    stalled = happened("DRS Source Server Data Replication Stalled Change", state="STALLED")
    for synced, due in ((now - timedelta(minutes=2), now), (now, now + timedelta(seconds=30))):
        Site.objects.update(last_synced_at=synced, due_at=now + timedelta(minutes=5))
        assert api(omar).post(URL, stalled, format="json").json() == {"sites": [frankfurt.name]}
        assert abs(Site.objects.get().due_at - due) < timedelta(seconds=5)


@pytest.mark.usefixtures("usual_polls")
def test_what_somebody_else_launches_is_looked_at(
    harness: EngineHarness, frankfurt: Site, omar: User, api: Callable[[User], APIClient]
) -> None:
    harness.drill(harness.plan())
    harness.tick()
    Site.objects.update(last_synced_at=timezone.now() - timedelta(minutes=2))
    assert SiteWatch.objects.get().due_at > timezone.now()
    theirs = happened("AWS API Call via CloudTrail", eventName="StartRecovery", userIdentity={"type": "AssumedRole"})
    assert api(omar).post(URL, theirs, format="json").json() == {"sites": [frankfurt.name]}
    assert SiteWatch.objects.get().due_at <= timezone.now()
    assert Site.objects.get().due_at <= timezone.now()


def test_sns_delivers_as_text_with_the_token_as_its_password(frankfurt: Site, omar: User) -> None:
    _, token = token_issue(user=omar, by=omar)
    event = happened("DRS Source Server Data Replication Stalled Change", state="STALLED")
    envelope = json.dumps({"Type": "Notification", "TopicArn": "arn:aws:sns:x", "Message": json.dumps(event)})
    client = APIClient()
    asked = client.post(URL, envelope, content_type="text/plain; charset=UTF-8")
    assert (asked.status_code, asked["WWW-Authenticate"]) == (401, 'Bearer, Basic realm="drsorch"')
    for password, status in ((token, 202), ("wrong", 401)):
        client.credentials(HTTP_AUTHORIZATION="Basic " + base64.b64encode(f"sns:{password}".encode()).decode())
        answer = client.post(URL, envelope, content_type="text/plain; charset=UTF-8")
        assert answer.status_code == status
    client.credentials(HTTP_AUTHORIZATION="Basic " + base64.b64encode(f"sns:{token}".encode()).decode())
    assert client.get("/api/v1/me/").status_code == 401, "nowhere else"


def test_a_subscription_is_confirmed_at_sns_or_refused_in_a_sentence(
    omar: User, api: Callable[[User], APIClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    """SNS itself is not here: what is asked of it stands in for it."""
    asked: list[str] = []
    answers = iter([asking.Answer(200, b"<ok/>"), asking.Answer(403, b"")])

    def ask(method: str, url: str, **limits: Any) -> asking.Answer:
        asked.append(f"{method} {url}")
        return next(answers)

    monkeypatch.setattr(asking, "ask", ask)
    url = "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=2336"
    wish = {"Type": "SubscriptionConfirmation", "TopicArn": "arn:aws:sns:x:drs", "SubscribeURL": url}
    assert api(omar).post(URL, wish, format="json").status_code == 202
    refused = api(omar).post(URL, wish, format="json")
    assert (refused.status_code, asked) == (503, [f"GET {url}"] * 2)
    assert "was not confirmed: SNS answered 403" in refused.json()["detail"]


def test_the_age_of_an_event_is_in_the_log(frankfurt: Site, omar: User, api: Callable[[User], APIClient]) -> None:
    with time_machine.travel("2026-03-03T09:12:24Z", tick=False), capture_logs() as logs:
        api(omar).post(URL, launch_result("drsjob-1"), format="json")
    (line,) = [each for each in logs if each["event"] == "drs_event"]
    assert (line["age_seconds"], line["sites"]) == (5.0, [frankfurt.name])


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
