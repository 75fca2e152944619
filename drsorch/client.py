"""A small client of drsorch's own REST API."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from urllib.parse import urlencode

TIMEOUT_SECONDS = 30

Json = dict[str, Any]
T = TypeVar("T")


class ApiProblem(Exception):
    """drsorch refused; `problem` is its answer (RFC 9457), the message its sentence."""

    def __init__(self, status: int, problem: Json) -> None:
        super().__init__(problem.get("detail") or problem.get("title") or f"status {status}")
        self.code = status
        self.problem = problem


class TooLong(Exception):
    """What was waited for did not happen in time."""


class Api:
    """`Api("http://127.0.0.1:8000/", token).post("sites/", {...})`; paths are below /api/v1/."""

    def __init__(self, address: str, token: str) -> None:
        self._base = address.rstrip("/") + "/api/v1/"
        self._token = token
        # Straight to the server: a proxy in the environment is for other places than this machine.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def get(self, path: str, **query: Any) -> Json:
        return self._send("GET", path + (f"?{urlencode(query, doseq=True)}" if query else ""))

    def list(self, path: str, **query: Any) -> Iterator[Json]:
        """Every element of a list, page by page."""
        page = self.get(path, **query)
        while True:
            yield from page["results"]
            if not page["next"]:
                return
            page = self._send("GET", page["next"])

    def post(self, path: str, body: Json | None = None, **headers: str) -> Json:
        return self._send("POST", path, body or {}, headers)

    def put(self, path: str, body: Json, **headers: str) -> Json:
        return self._send("PUT", path, body, headers)

    def delete(self, path: str) -> Json:
        return self._send("DELETE", path)

    def _send(self, method: str, path: str, body: Json | None = None, headers: dict[str, str] | None = None) -> Json:
        url = path if path.startswith("http") else self._base + path
        request = urllib.request.Request(url, method=method)  # noqa: S310 # the base is ours
        request.add_header("Authorization", f"Bearer {self._token}")
        request.add_header("Accept", "application/json")
        for name, value in (headers or {}).items():
            request.add_header(name.replace("_", "-"), value)
        if body is not None:
            request.add_header("Content-Type", "application/json")
            request.data = json.dumps(body).encode()
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
                return _json(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                raise ApiProblem(error.code, _json(error.read())) from None


def has_a_worker(address: str) -> bool:
    """Whether the drsorch at the address answers, and workers are at work for it."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{address}readyz", timeout=5) as answer:
            ticker = json.load(answer)["parts"]["ticker"]
    except OSError:
        return False  # not listening yet
    return bool(ticker["ok"] and not ticker["degraded"])


def _json(text: bytes) -> Json:
    if not text:
        return {}
    try:
        found = json.loads(text)
    except ValueError:
        return {"detail": text.decode(errors="replace")[:500]}
    return found if isinstance(found, dict) else {"detail": found}


def wait_for(what: str, look: Callable[[], T | None], *, seconds: float, every: float = 0.2) -> T:
    """Call `look` until it answers something; raises `TooLong`, naming `what`, after so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise TooLong(f"{what} took longer than {seconds:.0f} seconds.")
        time.sleep(every)
