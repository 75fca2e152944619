"""/metrics: the figures of `foundation.observing.metrics`, for the networks and the token that the settings name."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Iterator
from datetime import datetime

import structlog
from django.conf import settings
from django.db import Error as DatabaseTrouble
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from drsorch.observing import gauges  # noqa: F401 # importing registers them
from drsorch.observing.requests import is_forwarded
from foundation.observing import metrics as figures

log = structlog.get_logger(__name__)


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    if not _may_read(request):
        sentence = (
            "Metrics are for the networks of DRSORCH_METRICS_ALLOW, and for whoever brings DRSORCH_METRICS_TOKEN as "
            "Authorization: Bearer.\n"
        )
        return HttpResponse(sentence, status=403, content_type="text/plain")
    registry = CollectorRegistry()
    registry.register(_Everything(timezone.now()))
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def _may_read(request: HttpRequest) -> bool:
    token = settings.DRSORCH_METRICS_TOKEN
    scheme, _, brought = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if token and scheme.lower() == "bearer" and secrets.compare_digest(brought.strip().encode(), token.encode()):
        return True
    if is_forwarded(request):
        return False
    try:
        address = ipaddress.ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return False
    return any(address in network for network in settings.DRSORCH_METRICS_ALLOW)


class _Everything(Collector):
    """What was counted and, if the database answers, what its rows say."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def collect(self) -> Iterator[Metric]:
        yield from figures.counted()
        rows, answers = self._rows()
        yield GaugeMetricFamily(
            "drsorch_database_up", "1 if the database answered this scrape; if not, figures of its rows are missing.",
            value=float(answers),
        )  # fmt: skip
        yield from rows

    def _rows(self) -> tuple[list[Metric], bool]:
        try:
            return [metric for read in figures.GAUGES for metric in read(self._now)], True
        except DatabaseTrouble:
            log.exception("metrics_without_database")
            return [], False
