"""Evidence as scripts read and add to it."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from executions.models import Execution
from reports.models import Evidence

pytestmark = pytest.mark.either_database

Api = Callable[[User | None], APIClient]


def at(execution: Execution, what: str = "") -> str:
    return f"/api/v1/executions/{execution.pk}/{what}"


def test_the_report_is_canonical_json_whose_sha256_is_its_etag(api: Api, aldo: User, sealed: Evidence) -> None:
    run = sealed.execution
    answer = api(aldo).get(at(run, "report/"))
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    assert answer["ETag"] == f'"{hashlib.sha256(answer.content).hexdigest()}"' == f'"{sealed.sha256}"'
    assert answer.content == sealed.json
    again = api(aldo).get(at(run, "report/"), headers={"if-none-match": answer["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert api(aldo).get(at(run, "report/?version=1")).content == answer.content


def test_the_report_in_its_other_forms(api: Api, vera: User, sealed: Evidence) -> None:
    run = sealed.execution
    page = api(vera).get(at(run, "report/?format=html"))
    assert page["Content-Type"] == "text/html; charset=utf-8"
    assert sealed.sha256 in page.content.decode()
    style = page.content.decode().partition("<style>")[2].partition("</style>")[0]
    assert b64encode(hashlib.sha256(style.encode()).digest()).decode() in page["Content-Security-Policy"]
    archive = api(vera).get(at(run, "report/?format=csv"))
    assert archive["Content-Type"] == "application/zip"
    assert archive["Content-Disposition"].endswith('-v1.zip"')
    with zipfile.ZipFile(io.BytesIO(archive.content)) as files:
        names = [name.rpartition("-")[2] for name in files.namelist()]
        assert names == ["servers.csv", "steps.csv", "events.csv", "findings.csv", "about.txt"]
        servers = files.read(files.namelist()[0]).decode("utf-8-sig").splitlines()
    assert servers[0].startswith("wave,protection_group,hostname")
    assert [line.split(",")[2] for line in servers[1:3]] == ["db-1", "db-2"]
    assert servers[-1] == "End of file: 2 rows"
    tags = {form: api(vera).get(at(run, f"report/?format={form}"))["ETag"] for form in ("html", "csv")}
    assert len({*tags.values(), f'"{sealed.sha256}"'}) == 3


@pytest.mark.parametrize(
    ("query", "status"), [("?format=doc", 400), ("?version=7", 404), ("?version=x", 400), ("?colour=red", 400)]
)
def test_what_a_report_is_not_asked_for(api: Api, aldo: User, sealed: Evidence, query: str, status: int) -> None:
    answer = api(aldo).get(at(sealed.execution, f"report/{query}"))
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"


def test_notes_findings_the_validation_and_sign_offs(
    api: Api, omar: User, dana: User, ravi: User, drill: Execution
) -> None:
    asked = api(omar).post(at(drill, "notes/"), {"text": "By hand.", "topic": "manual_work"})
    assert asked.status_code == 201
    assert asked.json()["by"] == "omar"
    assert api(omar).get(at(drill, "notes/")).json()["results"] == [asked.json()]
    assert api(omar).get(at(drill, "validated/")).json() == {"at": None, "by": None, "comment": None}
    works = api(omar).post(at(drill, "validated/"), {"comment": "Orders work."})
    assert (works.status_code, works.json()["by"]) == (200, "omar")
    found = api(dana).post(at(drill, "findings/"), {"title": "Slow", "severity": "high", "owner": "DBAs"})
    assert found.status_code == 201
    finding = found.json()
    assert (finding["status"], finding["version"], finding["plan"]) == ("open", 1, "Web shop")
    assert [one["id"] for one in api(dana).get(at(drill, "findings/")).json()["results"]] == [finding["id"]]
    signed = api(ravi).post(at(drill, "sign-offs/"), {"role": "reviewer", "statement": "As planned."})
    assert signed.status_code == 201
    assert signed.json()["version"] == 1
    assert api(ravi).get(at(drill, "sign-offs/")).json()["results"] == [signed.json()]
    report = json.loads(api(ravi).get(at(drill, "report/")).content)
    assert report["seal"] == {"because": "signed_off", "version": 2}
    assert report["notes"][0]["text"] == "By hand."


def test_a_note_with_a_key_is_written_once(api: Api, omar: User, drill: Execution) -> None:
    for _ in range(2):
        answer = api(omar).post(at(drill, "notes/"), {"text": "Once."}, headers={"idempotency-key": "note-1"})
        assert answer.status_code == 201
    assert len(api(omar).get(at(drill, "notes/")).json()["results"]) == 1


def test_findings_over_all_executions(api: Api, dana: User, vera: User, drill: Execution) -> None:
    ids = {
        title: api(dana).post(at(drill, "findings/"), {"title": title, "severity": "low", **more}).json()["id"]
        for title, more in {"Late": {"due_on": "2020-01-01", "owner": "DBAs"}, "Later": {}}.items()
    }

    def titles(query: str) -> list[str]:
        return [one["title"] for one in api(vera).get(f"/api/v1/findings/{query}").json()["results"]]

    assert set(titles("")) == {"Late", "Later"}
    assert titles("?overdue=true") == ["Late"]
    assert titles("?overdue=false") == ["Later"]
    assert titles("?owner=dbas") == ["Late"]
    assert titles("?status=closed") == []
    assert len(titles("?plan=Web shop")) == 2
    one = f"/api/v1/findings/{ids['Late']}/"
    assert api(vera).patch(one, {"status": "closed"}).status_code == 403
    refused = api(dana).patch(one, {"status": "closed"})
    assert (refused.status_code, refused.json()["errors"][0]["attr"]) == (400, "resolution")
    changed = api(dana).patch(one, {"status": "closed", "resolution": "Fixed."}, headers={"if-match": '"1"'})
    assert (changed.status_code, changed.json()["status"], changed["ETag"][:3]) == (200, "closed", '"2-')
    assert api(dana).patch(one, {"owner": "Others"}, headers={"if-match": '"1"'}).status_code == 412
    assert api(dana).delete(one).status_code == 405
    assert api(dana).get("/api/v1/findings/999999/").status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "attr"),
    [
        ("notes/", {"text": ""}, "text"),
        ("notes/", {"text": "x", "topic": "weather"}, "topic"),
        ("notes/", {"words": "x"}, "words"),
        ("findings/", {"title": "x"}, "severity"),
        ("findings/", {"title": "", "severity": "low"}, "title"),
        ("findings/", {"title": "x", "severity": "low", "due_on": "soon"}, "due_on"),
        ("sign-offs/", {"role": "king"}, "role"),
        ("validated/", {"at": "2026-03-03T10:00:00"}, "at"),
        ("validated/", {"at": "2999-03-03T10:00:00Z"}, "at"),
    ],
)
def test_what_cannot_be_taken_names_its_field(
    api: Api, dana: User, drill: Execution, path: str, body: dict[str, Any], attr: str
) -> None:
    answer = api(dana).post(at(drill, path), body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["attr"] == attr
