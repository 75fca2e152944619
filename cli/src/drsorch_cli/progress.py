"""How an execution goes, from what the API says of it: line by line for a log, as a table for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from rich.table import Table
from rich.text import Text

from drsorch_cli.durations import spoken

Json = dict[str, Any]

FINAL: Final = frozenset({"succeeded", "partially_succeeded", "failed", "cancelled", "rejected"})
_CLEANED: Final = frozenset({"none", "succeeded", "failed"})
_STYLES: Final = {
    "running": "cyan", "succeeded": "green", "partially_succeeded": "yellow", "failed": "red", "cancelled": "yellow",
    "rejected": "red", "awaiting_approval": "magenta", "paused": "yellow", "cancelling": "yellow", "launched": "green",
    "terminated": "green",
}  # fmt: skip


def is_over(execution: Json, *, cleanup: bool) -> bool:
    """Nothing more happens; with `cleanup`, its instances are cleaned up as well, or that has failed."""
    if execution["status"] not in FINAL:
        return False
    return not cleanup or execution["cleanup_status"] in _CLEANED


def words(status: str) -> str:
    return status.replace("_", " ")


def changes(before: Json | None, after: Json) -> Iterator[str]:
    """What happened between two looks, in sentences; of the first look, where it stands."""
    old = before or {}
    if old.get("status") != after["status"]:
        outcome = f": {after['outcome']}" if after.get("outcome") and after["status"] in FINAL else "."
        yield f"{after['kind'].capitalize()} of {after['plan']}: {words(after['status'])}{outcome}"
    waves = {wave["name"]: wave for wave in old.get("waves", [])}
    for wave in after["waves"]:
        yield from _of_wave(waves.get(wave["name"], {}), wave)
    if old.get("cleanup_status", "none") != after["cleanup_status"]:
        yield f"Clean-up: {words(after['cleanup_status'])}."
    if after.get("standstill") and not old.get("standstill"):
        yield f"drsorch cannot work on it at the moment: {_text(after['standstill'])}"


def _text(value: Any) -> str:
    return str(value.get("error") or value) if isinstance(value, dict) else str(value)


def _of_wave(old: Json, wave: Json) -> Iterator[str]:
    if old.get("status", "pending") != wave["status"]:
        counted = f", {_launched(wave)}" if wave["servers"] and wave["status"] in FINAL else ""
        yield f"{wave['name']}: {words(wave['status'])}{counted}."
    elif _count(old) != _count(wave):
        yield f"{wave['name']}: {_launched(wave)}."
    before = {server["source_server_id"]: server["status"] for server in old.get("servers", [])}
    for server in wave["servers"]:
        if server["status"] in ("failed", "unknown") and before.get(server["source_server_id"]) != server["status"]:
            name = server["hostname"] or server["source_server_id"]
            yield f"{wave['name']}: {name} {words(server['status'])}: {server['error'] or 'no reason was given'}"
    steps = {step["name"]: step["status"] for step in old.get("steps", [])}
    for step in wave["steps"]:
        if steps.get(step["name"], "pending") == step["status"]:
            continue
        if waits_for_approval(step):
            yield f"{wave['name']}: the step {step['name']} is waiting for approval."
        else:
            error = f": {step['error']}" if step.get("error") else "."
            yield f"{wave['name']}: step {step['name']} {words(step['status'])}{error}"


def waits_for_approval(step: Json) -> bool:
    return step["kind"] == "approval" and step["status"] in ("waiting", "running")


def _count(wave: Json) -> int:
    return sum(server["status"] in ("launched", "terminated") for server in wave.get("servers", []))


def _launched(wave: Json) -> str:
    return f"{_count(wave)} of {len(wave['servers'])} servers launched"


def elapsed(thing: Json, now: datetime) -> float | None:
    """Seconds since it started, or that it took."""
    if not thing.get("started_at"):
        return None
    start = datetime.fromisoformat(thing["started_at"])
    end = datetime.fromisoformat(thing["finished_at"]) if thing.get("finished_at") else now
    return max(0.0, (end - start).total_seconds())


def table(execution: Json, now: datetime | None = None) -> Table:
    """The waves as they stand."""
    now = now or datetime.now(UTC)
    status = execution["status"]
    # Not as markup: people choose the names.
    title = Text(f"{execution['kind'].capitalize()} of {execution['plan']}: ", style="italic")
    title.append(words(status), _STYLES.get(status, ""))
    seconds = elapsed(execution, now)
    if seconds is not None:
        title.append(f", {spoken(seconds)}")
    if execution["cleanup_status"] != "none":
        title.append(f", clean-up {words(execution['cleanup_status'])}")
    made = Table(title=title, title_justify="left", expand=False)
    for column in ("Wave", "Status", "Servers", "Time", ""):
        made.add_column(column)
    for wave in execution["waves"]:
        waiting = next((step["name"] for step in wave["steps"] if waits_for_approval(step)), "")
        failed = [server["hostname"] for server in wave["servers"] if server["status"] in ("failed", "unknown")]
        note = f"waiting for approval: {waiting}" if waiting else f"failed: {', '.join(failed[:3])}" if failed else ""
        took = elapsed(wave, now)
        servers = f"{_count(wave)}/{len(wave['servers'])}" if wave["servers"] else ""
        style = _STYLES.get(wave["status"], "dim")
        made.add_row(
            Text(wave["name"]), Text(words(wave["status"]), style), servers, "" if took is None else spoken(took),
            Text(note),
        )  # fmt: skip
    return made
