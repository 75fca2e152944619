"""The history as a file: what of it is in memory at once, with few executions and with many."""

from __future__ import annotations

import time
import tracemalloc

from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from bench.harness import empty, user
from bench.history import executions_add, inventory
from executions.models import Execution

LITTLE, MUCH = 1_000, 100_000


def exporting() -> dict[str, float]:
    """Seconds, and the most MiB that Python held beyond what it held before, of both doors."""
    empty()
    site, plans = inventory()
    ada = user("ada", "administrator")
    figures: dict[str, float] = {}
    _read(_browser(ada), 0)  # what is read once, such as the pages' addresses, is not of the file
    for number in (LITTLE, MUCH):
        executions_add(site, plans, number - Execution.objects.count())
        figures |= {f"peak MiB of {number:,} rows": _peak(ada, number)}
        figures |= {f"{door}, s of {number:,} rows": seconds for door, seconds in _seconds(ada, number).items()}
    figures["peak, times"] = figures[f"peak MiB of {MUCH:,} rows"] / figures[f"peak MiB of {LITTLE:,} rows"]
    return figures


def _peak(ada: User, number: int) -> float:
    tracemalloc.start()
    try:
        _read(_browser(ada), number)
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


def _seconds(ada: User, number: int) -> dict[str, float]:
    found = {}
    for door, client, address in (
        ("screen", _browser(ada), None),
        ("API", _api(ada), "/api/v1/executions/export/"),
    ):
        begun = time.perf_counter()
        _read(client, number, address)
        found[door] = time.perf_counter() - begun
    return found


def _browser(ada: User) -> Client:
    browser = Client()
    browser.force_login(ada, backend="django.contrib.auth.backends.ModelBackend")
    return browser


def _api(ada: User) -> APIClient:
    api = APIClient()
    api.force_authenticate(ada)
    return api


def _read(client: Client, number: int, address: str | None = None) -> None:
    """To its end, and nothing of it is kept."""
    lines, last = 0, b""
    for piece in client.get(address or reverse("admin:executions_execution_csv")):
        lines, last = lines + piece.count(b"\r\n"), piece
    assert lines == number + 2, lines
    assert last.endswith(f"End of file: {number} rows\r\n".encode()), last[-60:]
