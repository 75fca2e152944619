"""Traces by OpenTelemetry, if DRSORCH_TRACES is on: request → actor → reconcile → call of AWS.

The SDK is an extra (requirements-traces.txt) and is imported only here, when it is switched on. Its own variables
(OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_SAMPLER ...) say where spans go, and how many.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings

from drs.calls import OBSERVERS, OK, Call
from drsorch.observing.logging import without_secrets
from foundation.observing.spans import OPENERS, Span
from foundation.version import VERSION

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider

_NEEDED: Final = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")
_started: list[TracerProvider] = []


def is_installed() -> bool:
    try:
        return all(importlib.util.find_spec(name) is not None for name in _NEEDED)
    except ModuleNotFoundError:  # not even what it is in
        return False


def start() -> None:
    """For each process that serves or works, once it is forked. Does nothing unless traces are on."""
    if not settings.DRSORCH_TRACES or _started:
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource.create({"service.version": VERSION})
    if str(resource.attributes[SERVICE_NAME]).startswith("unknown_service"):
        resource = resource.merge(Resource({SERVICE_NAME: "drsorch"}))
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    _started.append(provider)
    use(provider)


def stop() -> None:
    """What was not sent yet goes out."""
    for provider in _started:
        provider.shutdown()


def use(provider: TracerProvider) -> None:
    """From now on spans go there."""
    OPENERS.append(_opener(provider))
    OBSERVERS.append(_observer(provider))


def _opener(provider: TracerProvider) -> Any:
    from opentelemetry import trace
    from opentelemetry.trace import Status, StatusCode

    tracer = provider.get_tracer("drsorch", VERSION)
    kinds = {
        "server": trace.SpanKind.SERVER,
        "consumer": trace.SpanKind.CONSUMER,
        "internal": trace.SpanKind.INTERNAL,
    }

    @contextmanager
    def opened(name: str, kind: str, parent: str, facts: Mapping[str, Any]) -> Iterator[Span]:
        context = _context_of(parent)
        # The words of an error may hold anything: they are in the log, where what is secret is taken out.
        with tracer.start_as_current_span(
            name,
            context=context,
            kind=kinds[kind],
            attributes=_plain(facts),
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            at = span.get_span_context()

            class Opened:
                traceparent = f"00-{at.trace_id:032x}-{at.span_id:016x}-{at.trace_flags:02x}"

                def note(self, **more: Any) -> None:
                    span.set_attributes(_plain(more))
                    if more.get("error"):
                        span.set_status(Status(StatusCode.ERROR, str(more["error"])))
                    if name := more.get("span_name"):
                        span.update_name(name)

            try:
                yield Opened()
            except BaseException as error:
                span.set_status(Status(StatusCode.ERROR, type(error).__name__))
                raise

    return opened


def _context_of(parent: str) -> Context | None:
    """None: whatever span is open in this thread is the parent."""
    if not parent:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract({"traceparent": parent})


def _observer(provider: TracerProvider) -> Any:
    from opentelemetry.trace import SpanKind, Status, StatusCode

    tracer = provider.get_tracer("drsorch", VERSION)

    def observe(call: Call) -> None:
        """A call is known when it is over: its span is made then, with the times that it had."""
        ended = time.time_ns()
        span = tracer.start_span(
            f"{call.service}.{call.operation}",
            kind=SpanKind.CLIENT,
            start_time=ended - int(call.seconds * 1e9),
            attributes=_plain({
                "rpc.system": "aws-api",
                "rpc.service": call.service,
                "rpc.method": call.operation,
                "aws.request_id": call.request_id,
                "cloud.account.id": call.account,
                "cloud.region": call.region,
                "drsorch.attempts": call.attempts,
                "error.type": call.outcome if call.outcome != OK else "",
            }),
        )  # fmt: skip
        if call.outcome != OK:
            span.set_status(Status(StatusCode.ERROR, call.code or call.outcome))
        span.end(ended)

    return observe


def _plain(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes: what is blank says nothing, and what is secret stays here."""
    return {
        name: value if isinstance(value, int | float | bool) else without_secrets(str(value))
        for name, value in facts.items()
        if value not in ("", None) and name not in ("error", "span_name")
    }
