"""A drsorch for the command line tool to ask, and executions as it answers them."""

from __future__ import annotations

from typing import Any

import httpx
from drsorch_cli import progress
from drsorch_cli.api import Client

Json = dict[str, Any]


class Answers:
    """A drsorch that answers these, one after the other: a response, or what goes wrong."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []
        self.slept: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        found: httpx.Response = answer
        return found

    @property
    def client(self) -> Client:
        return Client("https://dr/", "t0ken", sleep=self.slept.append, transport=httpx.MockTransport(self))


def ok(body: Any, **headers: str) -> httpx.Response:
    return httpx.Response(200, json=body, headers=headers)


ID = "2f6f4e0e-55a3-4a3c-8a3e-0d6a1a4f9a51"


def execution(status: str = "running", *waves: Json, **fields: Any) -> Json:
    return {
        "id": ID, "plan": "Web shop", "kind": "drill", "status": status, "outcome": None, "cleanup_status": "none",
        "started_at": "2026-03-03T09:00:00Z",
        "finished_at": "2026-03-03T09:10:00Z" if status in progress.FINAL else None,
        "rto_actual_seconds": 500, "rpo_actual_seconds": 30, "plan_revision": 1, "waves": list(waves), **fields,
    }  # fmt: skip


def wave(name: str, status: str, servers: list[str], steps: list[Json] | None = None) -> Json:
    return {
        "name": name, "status": status, "started_at": None, "finished_at": None, "steps": steps or [],
        "servers": [
            {"source_server_id": f"s-{at}", "hostname": f"{name}-{at}", "status": each,
             "error": "No subnet." * (each == "failed")}
            for at, each in enumerate(servers)
        ],
    }  # fmt: skip
