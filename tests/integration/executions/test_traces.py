"""A trace leads from a request through the engine to the calls of AWS that it caused."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import RequestFactory
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from drs import calls
from drsorch.observing import tracing
from drsorch.observing.requests import OneLine
from foundation.observing import spans
from tests.harness import EngineHarness
from tests.integration.executions import test_who_did_what as who
from tests.integration.executions.test_who_did_what import HEADERS, TRACE, drilled

pytestmark = pytest.mark.any_database
world, frankfurt = who.world, who.frankfurt


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> Callable[[], dict[str, list[ReadableSpan]]]:
    """Spans that are over, by their names."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(spans, "OPENERS", [])
    monkeypatch.setattr(tracing, "OPENERS", spans.OPENERS)
    monkeypatch.setattr(calls, "OBSERVERS", [])
    monkeypatch.setattr(tracing, "OBSERVERS", calls.OBSERVERS)
    tracing.use(provider)

    def found() -> dict[str, list[ReadableSpan]]:
        by_name: dict[str, list[ReadableSpan]] = {}
        for one in exporter.get_finished_spans():
            by_name.setdefault(one.name, []).append(one)
        return by_name

    return found


def trace_of(span: ReadableSpan) -> str:
    return f"{span.context.trace_id:032x}"


def test_a_launch_is_in_the_trace_of_the_request_that_asked_for_it(
    exported: Callable[[], dict[str, list[ReadableSpan]]],
    harness: EngineHarness,
    api: Callable[[User], Any],
    django_capture_on_commit_callbacks: Any,
) -> None:
    execution, lines = drilled(harness, api, django_capture_on_commit_callbacks)
    found = exported()
    [request] = found["POST /api/v1/executions/"]
    assert (trace_of(request), f"{request.parent.span_id:016x}") == (TRACE[3:35], TRACE[36:52])
    assert request.attributes["http.response.status_code"] == 201
    [launch] = found["drs.StartRecovery"]
    looks = {look.context.span_id: look for look in found["reconcile"]}
    look = looks[launch.parent.span_id]
    assert look.parent.span_id == request.context.span_id
    assert {trace_of(one) for one in (request, look, launch)} == {TRACE[3:35]}
    assert look.attributes["drsorch.execution"] == str(execution.pk)
    assert launch.attributes["aws.request_id"]
    assert launch.start_time <= launch.end_time
    # Lines of the log have the same trace.
    assert {line["trace_id"] for line in lines.all("job_begun")} == {TRACE[3:35]}


def test_who_sends_no_trace_is_answered_with_the_one_that_began(
    exported: Callable[[], dict[str, list[ReadableSpan]]],
) -> None:
    answer = OneLine(lambda request: HttpResponse(status=503))(RequestFactory().get("/nowhere"))
    [[request]] = exported().values()
    assert answer.headers["traceparent"].startswith(f"00-{trace_of(request)}-{request.context.span_id:016x}-0")
    assert not request.status.is_ok
    echoed = OneLine(lambda request: HttpResponse())(RequestFactory().get("/", headers=HEADERS))
    assert echoed.headers["traceparent"] == TRACE


def test_no_secret_is_in_a_span(exported: Callable[[], dict[str, list[ReadableSpan]]]) -> None:
    token = "0123456789abcdef" * 4
    OneLine(lambda request: HttpResponse())(RequestFactory().get(f"/api/v1/tokens/{token}/"))
    with pytest.raises(OSError, match="Bearer"), spans.span("reconcile"):
        raise OSError(f"Bearer {token}")
    found = [span for named in exported().values() for span in named]
    assert [span.name for span in found] == ["GET /", "reconcile"]
    assert token not in "".join(span.to_json() for span in found)
    assert (found[1].status.is_ok, found[1].status.description) == (False, "OSError")


class Sink(BaseHTTPRequestHandler):
    """An OpenTelemetry collector, as far as it takes traces over HTTP."""

    bodies: list[bytes]

    def do_POST(self) -> None:
        type(self).bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def sink() -> Iterator[tuple[str, list[bytes]]]:
    Sink.bodies = []
    server = HTTPServer(("127.0.0.1", 0), Sink)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", Sink.bodies
    server.shutdown()
    thread.join()
    server.server_close()


PROGRAM = """
import django
django.setup()
from django.test import Client
from drsorch.observing import tracing
tracing.start()
tracing.start()
Client().get("/healthz")
tracing.stop()
"""


def test_spans_go_to_a_collector_by_opentelemetrys_own_variables(sink: tuple[str, list[bytes]]) -> None:
    address, bodies = sink
    ended = run(PROGRAM, DRSORCH_TRACES="true", OTEL_EXPORTER_OTLP_ENDPOINT=address)
    assert ended.returncode == 0, ended.stderr
    [resource] = ExportTraceServiceRequest.FromString(b"".join(bodies)).resource_spans
    named = {one.key: one.value.string_value for one in resource.resource.attributes}
    assert named["service.name"] == "drsorch"
    [span] = resource.scope_spans[0].spans
    assert span.name == "GET /healthz"


WITHOUT = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "opentelemetry":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Missing())
import django
django.setup()
from django.test import Client
from drsorch import wsgi
from drsorch.management import working
from drsorch.observing import tracing
tracing.start()
assert not tracing.is_installed()
assert Client().get("/healthz").status_code == 200
assert not [name for name in sys.modules if name.startswith("opentelemetry")]
"""


def test_drsorch_works_where_opentelemetry_is_not_installed() -> None:
    ended = run(WITHOUT, DATABASE_URL="sqlite://:memory:")
    assert ended.returncode == 0, ended.stderr


def run(program: str, **more: str) -> subprocess.CompletedProcess[str]:
    surroundings = {
        **os.environ, "DJANGO_SETTINGS_MODULE": "drsorch.settings", "SECRET_KEY": "k" * 48,
        "ALLOWED_HOSTS": "testserver", "HTTPS_ONLY": "false", **more,
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, "-c", program], env=surroundings, capture_output=True, text=True, check=False
    )
