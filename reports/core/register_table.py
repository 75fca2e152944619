"""The register as a table: a line for each plan, for spreadsheets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

Cell = str | int | datetime | None

COLUMNS: Final = (
    "plan", "owner", "verdict", "all of the verdict", "in recovery", "last good drill", "ended at", "age in days",
    "rto target now in seconds", "rto target then in seconds", "rto measured in seconds", "rto met",
    "rpo target now in seconds", "rpo target then in seconds", "rpo measured in seconds", "rpo met",
    "rto trend in seconds", "rpo trend in seconds", "clean-up", "signed off by owner", "signed off by reviewer",
    "last run", "last run kind", "last run status", "last run ended at", "open findings", "overdue findings",
    "next due",
)  # fmt: skip


def table(document: Mapping[str, Any]) -> Iterator[list[Cell]]:
    """The lines under `COLUMNS`, in the order of the register. What is not known is None."""
    for plan in document["plans"]:
        good, last, trend = plan["last_good"] or {}, plan["last"] or {}, plan["trend"] or {}
        rto, rpo, findings = plan["targets"]["rto"], plan["targets"]["rpo"], plan["open_findings"]
        yield [
            plan["name"], plan["owner"], plan["verdict"]["text"], "; ".join(plan["verdict"]["reasons"]),
            plan["in_recovery"], good.get("execution_id"), _time(good), good.get("age_days"),
            rto["target_seconds"], good.get("rto_target_seconds"), rto["actual_seconds"], rto["met"],
            rpo["target_seconds"], good.get("rpo_target_seconds"), rpo["actual_seconds"], rpo["met"],
            trend.get("rto_seconds"), trend.get("rpo_seconds"), good.get("cleanup_status"),
            good.get("signed_by_owner"), good.get("signed_by_reviewer"),
            last.get("execution_id"), last.get("kind"), last.get("status"), _time(last),
            len(findings), sum(1 for finding in findings if finding["overdue"]),
            next((finding["due_on"] for finding in findings if finding["due_on"]), None),
        ]  # fmt: skip


def _time(run: Mapping[str, Any]) -> datetime | None:
    at = run.get("finished_at")
    return datetime.fromisoformat(at) if at else None
