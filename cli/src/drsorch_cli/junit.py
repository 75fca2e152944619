"""The result of an execution as JUnit XML, as pipelines show test results."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET  # it writes, and reads nothing
from datetime import UTC, datetime
from typing import Any

from drsorch_cli.durations import spoken
from drsorch_cli.progress import elapsed, words

Json = dict[str, Any]


#: What XML cannot hold.
_ODD = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(execution: Json, goals: list[tuple[str, float | None, str]], wrong: str = "") -> bytes:
    """A case for the whole, which fails if something is `wrong`; for each wave; and for each of `goals`: its name, the
    seconds that it took, and what is wrong with it."""
    now = datetime.now(UTC)
    name = f"{execution['kind']} of {execution['plan']}"
    suite = ET.Element("testsuite", name=name, timestamp=str(execution.get("started_at") or ""))
    failures = skipped = 0
    goals = [(execution["kind"], elapsed(execution, now), wrong), *goals]
    for wave in execution["waves"]:
        case = ET.SubElement(suite, "testcase", classname=name, name=wave["name"], time=_time(elapsed(wave, now)))
        if wave["status"] in ("failed", "partially_succeeded"):
            failures += 1
            ET.SubElement(case, "failure", message=f"{wave['name']}: {words(wave['status'])}").text = _details(wave)
        elif wave["status"] != "succeeded":
            skipped += 1
            ET.SubElement(case, "skipped", message=words(wave["status"]))
    for goal, seconds, amiss in goals:
        case = ET.SubElement(suite, "testcase", classname=name, name=goal, time=_time(seconds))
        if amiss:
            failures += 1
            ET.SubElement(case, "failure", message=amiss)
    total = len(execution["waves"]) + len(goals)
    for key, value in {"tests": total, "failures": failures, "skipped": skipped, "errors": 0}.items():
        suite.set(key, str(value))
    suite.set("time", _time(elapsed(execution, now)))
    properties = ET.SubElement(suite, "properties")
    for key in ("id", "status", "plan_revision", "rto_actual_seconds", "rpo_actual_seconds", "cleanup_status"):
        ET.SubElement(properties, "property", name=key, value=str(execution.get(key)))
    suites = ET.Element("testsuites", {key: suite.get(key, "0") for key in ("tests", "failures", "time")})
    suites.append(suite)
    for element in suites.iter():
        element.text = element.text and _ODD.sub("\ufffd", element.text)
        element.attrib = {key: _ODD.sub("\ufffd", value) for key, value in element.attrib.items()}
    ET.indent(suites)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suites, encoding="utf-8") + b"\n"


def _details(wave: Json) -> str:
    servers = [
        f"{server['hostname'] or server['source_server_id']}: {words(server['status'])}: {server['error'] or ''}"
        for server in wave["servers"]
        if server["status"] not in ("launched", "terminated")
    ]
    steps = [
        f"step {step['name']}: {step.get('error') or words(step['status'])}"
        for step in wave["steps"]
        if step["status"] == "failed"
    ]
    return "\n".join([*servers, *steps])


def _time(seconds: float | None) -> str:
    return f"{seconds or 0:.3f}"


def missed(what: str, actual: float | None, most: int | None) -> str:
    """Why a target is missed, in a sentence; empty if it is met, or if there is none."""
    if most is None:
        return ""
    if actual is None:
        return f"{what} was not measured, and at most {spoken(most)} is allowed."
    return f"{what} was {spoken(actual)}, and at most {spoken(most)} is allowed." if actual > most else ""
