"""A script that repeats its POSTs, against real processes: the work is done once however many come at once."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from tests.acceptance.system import System

AT_ONCE = 12


def test_of_many_that_come_at_once_one_does_the_work_and_all_get_its_answer(system: System) -> None:
    start = threading.Barrier(AT_ONCE)

    def post() -> tuple[int, str]:
        """As a careful script does it: the same key until there is a result."""
        request = urllib.request.Request(
            f"{system.address}api/v1/tokens/",
            data=json.dumps({"name": "pipeline"}).encode(),
            headers={
                "Authorization": f"Bearer {system.template.token}",
                "Content-Type": "application/json",
                "Idempotency-Key": "one-key",
            },
        )
        start.wait(timeout=30)
        while True:
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    return answer.status, answer.read().decode()
            except urllib.error.HTTPError as refused:
                problem = json.load(refused)
                assert problem["type"] == "urn:drsorch:problem:idempotency-in-progress", problem
                time.sleep(int(refused.headers["Retry-After"]))

    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = {future.result() for future in [threads.submit(post) for _ in range(AT_ONCE)]}

    assert len(answers) == 1, "everybody got the same answer"
    assert answers.pop()[0] == 201
    names = [token["name"] for token in system.api.get("tokens/")["results"]]
    assert names.count("pipeline") == 1
