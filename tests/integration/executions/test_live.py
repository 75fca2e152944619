"""What a page that renews itself sends: nothing while nothing changes, then what did, compressed."""

from __future__ import annotations

import gzip
import itertools
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db.models import Model
from django.test import Client
from django.utils import timezone

from audit.event_types import EventType
from audit.record import Entry
from executions.models import Approval, Execution, ServerRun, SiteWatch, StepRun, WaveRun
from tests.database import undone
from tests.factories.executions import START, ExecutionFactory, add_events, add_wave, approve, running_drill

pytestmark = pytest.mark.any_database

BrowserOf = Callable[[User], Client]


@pytest.fixture(autouse=True)
def ten_minutes_in() -> Any:
    with time_machine.travel(START + timedelta(minutes=10), tick=False) as clock:
        yield clock


def live(execution: Execution) -> str:
    return f"/admin/executions/execution/{execution.pk}/live/"


def poll(client: Client, execution: Execution, etag: str = "", **headers: str) -> Any:
    return client.get(live(execution), headers={"If-None-Match": etag, "HX-Request": "true", **headers})


def opened(client: Client, execution: Execution) -> str:
    """The ETag that the page itself came with."""
    page = client.get(f"/admin/executions/execution/{execution.pk}/change/").content.decode()
    [etag] = re.findall(r'data-etag="&quot;([\w-]+)&quot;"', page)
    return f'"{etag}"'


_versions = itertools.count(1_000)


def moved() -> None:
    """Rows that are written here did not pass through transitions, which say that something moved."""
    Execution.objects.update(shown_version=next(_versions))


def swapped(response: Any) -> set[str]:
    """The ids of what takes the place of what the page has."""
    return set(re.findall(r'id="([\w-]+)" hx-swap-oob="true"', response.content.decode()))


def two_hundred_waves() -> Execution:
    execution = ExecutionFactory.create()
    for number in range(200):
        add_wave(execution, f"Wave {number}", {"launched": 3, "launching": 2}, status="running", depends_on=[])
    add_events(execution, [Entry(EventType.SERVER_LAUNCHED, f"host-{n}", {"instance": "i-1"}) for n in range(100)])
    return execution


def test_a_poll_without_a_change_has_no_body_although_time_goes_by(
    browser_of: BrowserOf, vera: User, ten_minutes_in: Any
) -> None:
    client, drill = browser_of(vera), running_drill()
    etag = opened(client, drill)
    ten_minutes_in.shift(timedelta(seconds=8))
    again = poll(client, drill, etag)
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", etag)
    assert poll(client, drill, f"W/{etag}").status_code == 304  # as a compressed answer says it


def test_one_server_of_two_hundred_waves_sends_little(browser_of: BrowserOf, vera: User) -> None:
    client, execution = browser_of(vera), two_hundred_waves()
    whole = poll(client, execution)
    assert len(whole.content) > 400_000
    server = execution.servers.filter(wave__name="Wave 117", status="launching").first()
    ServerRun.objects.filter(pk=server.pk).update(status="launched", finished_at=timezone.now())
    moved()
    changed = poll(client, execution, whole["ETag"])
    assert swapped(changed) == {"live-state", "timeline-117", "wave-117", "picture-box-117"}
    assert changed["HX-Reswap"] == "none"
    assert len(changed.content) < 18_000
    assert poll(client, execution, changed["ETag"]).status_code == 304
    add_events(execution, [Entry(EventType.SERVER_LAUNCHED, "host-1", {"instance": "i-1"})])
    assert swapped(poll(client, execution, changed["ETag"])) == {"live-events"}


def test_what_is_sent_is_compressed_and_carries_no_token(browser_of: BrowserOf, vera: User) -> None:
    client, drill = browser_of(vera), running_drill()
    plain = poll(client, drill)
    packed = poll(client, drill, **{"Accept-Encoding": "gzip"})
    assert packed["Content-Encoding"] == "gzip"
    assert len(packed.content) < len(plain.content) / 4
    assert gzip.decompress(packed.content) == plain.content
    assert b"csrfmiddlewaretoken" not in plain.content
    assert poll(client, drill, packed["ETag"], **{"Accept-Encoding": "gzip"}).status_code == 304
    dashboard = client.get("/admin/dashboard/running/", headers={"Accept-Encoding": "gzip"})
    assert dashboard["Content-Encoding"] == "gzip"
    same = client.get("/admin/dashboard/running/", headers={"If-None-Match": dashboard["ETag"]})
    assert (same.status_code, same.content) == (304, b"")
    Execution.objects.update(status="paused")
    assert client.get("/admin/dashboard/running/", headers={"If-None-Match": dashboard["ETag"]}).status_code == 200


def test_a_page_of_another_kind_is_sent_whole(browser_of: BrowserOf, vera: User, omar: User) -> None:
    client, drill = browser_of(vera), running_drill()
    etag = opened(client, drill)
    other = re.sub(r'-\w{8}(\w*)"$', r'-00000000\1"', etag)
    for known in ("", "*", '"x"', etag[:-1], other):
        answer = poll(client, drill, known)
        assert (answer.status_code, 'id="execution"' in answer.content.decode()) == (200, True)
    # Another person is offered other things.
    assert poll(browser_of(omar), drill, etag).status_code == 200
    Execution.objects.filter(pk=drill.pk).update(status="succeeded", finished_at=timezone.now())
    over = poll(client, drill, etag)
    assert (over.status_code, 'id="execution"' in over.content.decode()) == (286, True)


#: What is shown of each row, and what of it may change without being shown.
_UNSEEN: dict[type[Model], set[str]] = {
    Execution: {
        "id", "plan", "requested_by", "reviewed_by", "acknowledged", "due_at", "lease_token", "lease_until",
        "nudges", "event_count", "last_event_hash", "head_mac", "shown_version",
    },
    WaveRun: {"id", "execution", "position", "depends_on"},
    ServerRun: {"id", "execution", "wave", "site", "position", "operation", "cleanup_operation"},
    StepRun: {
        "id", "execution", "wave", "position", "due_at", "lease_token", "lease_until", "nudges", "attempt_key", "asked",
        "external_id", "unanswered_since", "may_act_until",
    },
    Approval: {"id", "execution", "user"},
}  # fmt: skip


def test_a_change_of_any_column_of_what_is_shown_is_noticed(browser_of: BrowserOf, vera: User) -> None:
    execution = ExecutionFactory.create()
    wave = add_wave(execution, "App", {"launching": 1}, status="running", started_at=START)
    StepRun.objects.create(
        execution=execution, wave=wave, position=0, name="go", when="before", kind="approval", timeout_seconds=1800,
        on_failure="stop", status="running", started_at=START,
    )  # fmt: skip
    approve(execution, "ravi")
    client = browser_of(vera)
    etag = opened(client, execution)
    tried = 0
    for model, unseen in _UNSEEN.items():
        row = model._default_manager.get()
        for field in model._meta.concrete_fields:
            if field.name in unseen:
                continue
            tried += 1
            with undone():
                model._default_manager.update(**{field.name: _other(field, getattr(row, field.name))})
                moved()
                assert poll(client, execution, etag).status_code in (200, 286), field
            assert poll(client, execution, etag).status_code == 304
    assert tried > 20


def _other(field: Any, value: Any) -> Any:
    """Another value of the column that a page can be drawn of."""
    known = {"status": "paused", "kind": "wait", "when": "after", "on_failure": "continue", "cleanup_status": "running"}
    if field.choices or field.name in known:
        names = [choice for choice, _ in field.choices] if field.choices else [known[field.name], "recovery"]
        return next(name for name in names if name not in (value, "awaiting_approval"))
    match field.get_internal_type():
        case "BooleanField":
            return not value
        case "DateTimeField":
            return (value or START) + timedelta(seconds=61)
        case "JSONField":
            return ["10.0.0.1"] if isinstance(value, list) else {"seconds": 1}
        case "UUIDField":
            return "00000000-0000-0000-0000-000000000001"
        case kind if "Integer" in kind:
            return (value or 0) + 60
    return f"{value}x"


def test_the_error_of_a_site_that_servers_wait_for_is_noticed(browser_of: BrowserOf, vera: User) -> None:
    execution = ExecutionFactory.create()
    add_wave(execution, "App", {"queued": 1}, status="running")
    watch = SiteWatch.objects.create(site=ServerRun.objects.get().site)
    client = browser_of(vera)
    etag = opened(client, execution)
    SiteWatch.objects.filter(pk=watch.pk).update(error="AWS is down.")
    assert "wave-0" in swapped(poll(client, execution, etag))
