"""A plan as text: exported, changed in an editor, imported with its difference seen first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from rest_framework.test import APIClient

from foundation.files.yaml_text import read, written
from plans import services
from plans.models import Plan
from tests.factories.plans import make_web_shop
from tests.integration.plans.test_screens import document
from tests.pages import form_of, text_of

pytestmark = [pytest.mark.any_database, pytest.mark.django_db]
LIST = "/admin/plans/plan/"
API = "/api/v1/plans/"
Browser = Callable[[User], Client]
Api = Callable[[User], APIClient]
YAML = "application/yaml"


@pytest.fixture
def plan(petra: User, ravi: User) -> Plan:
    return make_web_shop(petra, contacts="dana, +49 30 1234\nravi")


def changed(plan: Plan, **fields: Any) -> str:
    return written({**document(plan), **fields})


def test_the_export_is_the_document_that_put_takes(
    browser_of: Browser, api: Api, plan: Plan, petra: User, vera: User
) -> None:
    file = browser_of(vera).get(f"{LIST}{plan.pk}/yaml/")
    assert file["Content-Disposition"] == 'attachment; filename="Web shop.yaml"'
    client = api(petra)
    answer = client.get(f"{API}{plan.pk}/", {"format": "yaml"})
    assert (answer["Content-Type"], answer["ETag"][:3]) == (f"{YAML}; charset=utf-8", '"1-')
    assert answer.content == file.content
    assert client.get(f"{API}{plan.pk}/", headers={"Accept": YAML}).content == file.content
    assert read(file.content.decode()) == document(plan)
    # Sent back as it is, it changes nothing; changed, it is a revision; and so is a new plan.
    put = client.generic("PUT", f"{API}{plan.pk}/", file.content, YAML, headers={"If-Match": '"1"'})
    assert (put.status_code, put.json()["version"]) == (200, 1)
    text = changed(plan, name="Web shop 2")
    assert client.generic("PUT", f"{API}{plan.pk}/", text, YAML, headers={"If-Match": '"1"'}).json()["version"] == 2
    assert client.generic("POST", API, file.content, YAML).status_code == 201


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: a: b", "Line 1, column 8: mapping values are not allowed in this context."),
        ("- name: x", "The body must be a YAML mapping, not a list."),
        ("a: &x [1]\nb: *x", "anchors such as &x are not allowed"),
    ],
)
def test_the_api_says_where_yaml_is_wrong(api: Api, plan: Plan, petra: User, text: str, said: str) -> None:
    answer = api(petra).generic("PUT", f"{API}{plan.pk}/", text, YAML)
    assert (answer.status_code, said in answer.json()["detail"]) == (400, True)


def test_formats_that_there_are_not(api: Api, plan: Plan, petra: User) -> None:
    client = api(petra)
    refused = client.get(f"{API}{plan.pk}/", {"format": "xml"})
    assert (refused.status_code, refused.json()["errors"][0]["attr"]) == (400, "format")
    assert refused.json()["detail"] == "Unknown format “xml”. Known here: yaml; without it the answer is JSON."
    assert client.get(API, {"format": "yaml"}).status_code == 400
    assert client.get(f"{API}{plan.pk}/", headers={"Accept": "text/csv"}).status_code == 406


def test_what_an_import_changes_is_shown_before_it_is_applied(browser_of: Browser, plan: Plan, petra: User) -> None:
    client, url = browser_of(petra), f"{LIST}{plan.pk}/import/"
    assert "rto_target_seconds: 3600" in client.get(url).content.decode()
    text = changed(plan, rto_target_seconds=7200).replace("\n", "\r\n")
    shown = client.post(url, {**form_of(client.get(url)), "text": text, "preview": "1"})
    assert "RTO target 1 h 2 h" in text_of(shown)
    assert document(plan)["rto_target_seconds"] == 3600
    # Another text than was shown is shown first.
    sent = {**form_of(shown), "apply": "1"}
    again = client.post(url, {**sent, "text": changed(plan, rto_target_seconds=60)})
    assert ("RTO target 1 h 1 min" in text_of(again), document(plan)["rto_target_seconds"]) == (True, 3600)
    assert client.post(url, sent).status_code == 302
    assert document(plan)["rto_target_seconds"] == 7200


def test_what_waits_for_what_is_said_in_words(browser_of: Browser, plan: Plan, petra: User) -> None:
    waves = document(plan)["waves"]
    waves[3]["depends_on"] = ["App", "Reports"]
    shown = browser_of(petra).post(f"{LIST}{plan.pk}/import/", {"text": changed(plan, waves=waves), "preview": "1"})
    assert "Web will also wait for Reports." in text_of(shown)
    assert "Apply these changes" in text_of(shown)


def test_an_import_over_a_newer_revision_shows_the_difference_to_that(
    browser_of: Browser, plan: Plan, petra: User, dana: User
) -> None:
    client, url = browser_of(petra), f"{LIST}{plan.pk}/import/"
    shown = client.post(url, {"text": changed(plan, rto_target_seconds=7200), "preview": "1"})
    services.plan_patch(plan=plan, changes={"approvals_required": 2}, by=dana)
    late = client.post(url, {**form_of(shown), "apply": "1"})
    assert (late.status_code, document(plan)["rto_target_seconds"]) == (409, 3600)
    for said in ("dana saved revision 2", "Approvals for a recovery 2 1"):
        assert said in text_of(late)
    assert client.post(url, {**form_of(late), "apply": "1"}).status_code == 302
    assert (document(plan)["rto_target_seconds"], document(plan)["approvals_required"]) == (7200, 1)


def test_a_new_plan_from_a_file(browser_of: Browser, plan: Plan, petra: User) -> None:
    client, url = browser_of(petra), f"{LIST}import/"
    text = changed(plan, name="Shop Ireland")
    shown = client.post(url, {"file": SimpleUploadedFile("p.yaml", b"\xef\xbb\xbf" + text.encode()), "preview": "1"})
    assert "Wave Databases not there shop-db" in text_of(shown)
    assert client.post(url, {**form_of(shown), "apply": "1"}).status_code == 302
    made = Plan.objects.get(name="Shop Ireland")
    assert document(made)["waves"] == document(plan)["waves"]


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"text": "name: [x"}, "did not find expected"),
        ({"text": "name: P\nwaves:\n- name: W\n  protection_groups: [gone]"}, "waves.0.protection_groups.0: Wave “W”"),
        ({"text": "name: Web shop"}, "There is already a plan named “Web shop”."),
        ({"text": " \n"}, "Paste the plan, or choose a file."),
        ({"file": SimpleUploadedFile("p.yaml", b"a" * 1_000_001)}, "The file is longer than 1,000,000 bytes."),
        ({"file": SimpleUploadedFile("p.yaml", b"\xff\xfe")}, "The file is not UTF-8 text."),
    ],
)
def test_what_is_wrong_with_an_import_is_said_and_the_text_stays(
    browser_of: Browser, plan: Plan, petra: User, sent: dict[str, Any], said: str
) -> None:
    client, url = browser_of(petra), f"{LIST}import/"
    answer = client.post(url, {**sent, "preview": "1"})
    if "already" in said:  # only saving finds that out
        answer = client.post(url, {**form_of(answer), "apply": "1"})
    assert said in text_of(answer).replace("&#x27;", "'")
    if text := sent.get("text", "").strip():
        assert form_of(answer)["text"][0].strip() == text
    assert Plan.objects.count() == 1


def test_who_may_not_import(browser_of: Browser, plan: Plan, vera: User) -> None:
    client = browser_of(vera)
    for url in (f"{LIST}import/", f"{LIST}{plan.pk}/import/"):
        assert client.get(url).status_code == 403
        assert client.post(url, {"text": "name: X", "apply": "1"}).status_code == 403
