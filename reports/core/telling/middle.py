"""When what happened, and what came of it, measured against the targets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from foundation.durations import exact
from foundation.wording import listing
from reports.core.telling.words import (
    NONE,
    UNKNOWN,
    Document,
    Fact,
    Section,
    Table,
    fact,
    lasted,
    told_at,
    told_beside,
    told_local,
    tone_of,
    yes_no,
)

#: Longer lists are folded away at first.
_MANY: Final = 50

#: The objectives, by the clock that each is measured with.
RTO: Final = "RTO, from the start to the last critical launch"
RTO_VALIDATED: Final = "RTO, from the start to the validated application"
RPO: Final = "RPO, age of the oldest recovery point at the start"


def timeline_section(document: Document) -> Section:
    timeline = document["timeline"]
    spent, validated, over = timeline["spent"], timeline["validated"], timeline["recovery_over"]
    facts = [
        *([fact("Declared", told_local(timeline["declared_at"], document))] if timeline["declared_at"] else []),
        fact("Requested", told_local(timeline["requested_at"], document)),
        fact(
            "Approved",
            told_local(timeline["approved_at"], document)
            if timeline["approved_at"]
            else "no approval needed"
            if not document["people"]["approvals_required"]
            else None,
        ),
        fact("Started", told_local(timeline["started_at"], document)),
        fact("First launch", told_local(timeline["first_launch_at"], document)),
        fact("Last critical launch", told_local(timeline["last_critical_launch_at"], document)),
        fact("Last launch", told_local(timeline["last_launch_at"], document)),
        fact(
            "Application validated",
            f"{told_local(validated['at'], document)} by {validated['by']}"
            f"{', before it was retried' if validated['before_retry'] else ''}: {validated['comment'] or 'no comment'}"
            if validated
            else None,
        ),
        fact("Ended", told_local(timeline["ended_at"], document)),
        fact(
            "Cleaned up",
            told_local(timeline["cleaned_up_at"], document) if timeline["cleaned_up_at"] else "not cleaned up",
        ),
        *(
            [fact("Recovery declared over", f"{told_at(over['at'])} by {over['by']}: {over['comment'] or ''}")]
            if over
            else []
        ),
        fact("From the request to the end", exact(spent["total_seconds"])),
        fact("Of that, deciding", exact(spent["deciding_seconds"])),
        fact("Of that, waiting for people", exact(spent["waiting_for_people_seconds"])),
        fact("Of that, launches, checks and steps", exact(spent["machine_seconds"])),
    ]
    day = timeline["started_at"] or timeline["requested_at"]
    return Section(
        "timeline",
        "Timeline",
        facts,
        [
            Table(
                "Waves",
                ("Wave", "Status", "Ready (UTC)", "Started (UTC)", "Ended (UTC)", "Took", "Launched"),
                [
                    (
                        wave["name"],
                        wave["status"].replace("_", " "),
                        told_beside(wave["ready_at"], day),
                        told_beside(wave["started_at"], day),
                        told_beside(wave["finished_at"], day),
                        lasted(wave["seconds"]),
                        f"{wave['launched']} of {wave['servers']}",
                    )
                    for wave in timeline["waves"]
                ],
            ),
            Table(
                "Steps",
                ("Step", "Kind", "Status", "Attempts", "Started (UTC)", "Took", "Output or error"),
                [
                    (
                        f"{step['name']}, {step['when']} {step['wave']}"
                        + (f"\n{step['description']}" if step["description"] else ""),
                        step["kind"].replace("_", " "),
                        step["status"],
                        str(step["attempts"]),
                        told_beside(step["started_at"], day),
                        lasted(step["seconds"]),
                        "\n".join(filter(None, (step["error"], step["output"]))) or NONE,
                    )
                    for step in document["steps"]
                ],
                "The plan has no steps.",
            ),
            Table(
                "Servers",
                (
                    "Server",
                    "Wave",
                    "Status",
                    "Started (UTC)",
                    "Up (UTC)",
                    "Took",
                    "Recovery point (UTC)",
                    "Instance",
                    "Error",
                ),
                [
                    (
                        _server(one),
                        one["wave"],
                        one["status"],
                        told_beside(one["started_at"], day),
                        told_beside(one["finished_at"], day),
                        lasted(one["launch_seconds"]),
                        _point(one, day),
                        one["recovery_instance_id"] or NONE,
                        one["error"] or one["cleanup_error"] or NONE,
                    )
                    for one in document["servers"]
                ],
                "No servers.",
                folded=len(document["servers"]) > _MANY,
            ),
            Table(
                "Servers in detail",
                (
                    "Server",
                    "Protection group",
                    "Site",
                    "System",
                    "Tags now",
                    "Job",
                    "Snapshot",
                    "Addresses",
                    "Attempts",
                    "Up after",
                    "Phases (UTC)",
                ),
                [_details(one) for one in document["servers"]],
                folded=True,
            ),
        ],
    )


def objectives_section(objectives: Document) -> Section:
    points = objectives["recovery_points"]
    trend = objectives["trend"]
    return Section(
        "objectives",
        "Objectives",
        [
            measure(RTO, objectives["rto"]),
            measure(RTO_VALIDATED, objectives["rto_validated"]),
            measure(RPO, objectives["rpo"]),
            measure("MTPD, against the validated application or else the RTO", objectives["mtpd"]),
            fact("Oldest recovery point", told_at(points["oldest_at"])),
            fact("Newest recovery point", told_at(points["newest_at"])),
            fact("Between the two", lasted(points["skew_seconds"])),
            fact("Against the run before", _trend(trend) if trend else "no earlier run to compare with"),
        ],
        [
            Table(
                "By wave",
                ("Wave", "Status", "Ended after the start", "Oldest recovery point"),
                [
                    (
                        wave["name"],
                        wave["status"].replace("_", " "),
                        lasted(wave["finished_after_seconds"]),
                        lasted(wave["oldest_recovery_point_age_seconds"]),
                    )
                    for wave in objectives["waves"]
                ],
            ),
            Table(
                "Earlier runs of the plan",
                ("Requested", "Result", "RTO", "RPO", "Id"),
                [
                    (
                        told_at(one["requested_at"]),
                        one["status"].replace("_", " "),
                        lasted(one["rto_actual_seconds"]),
                        lasted(one["rpo_actual_seconds"]),
                        one["execution_id"],
                    )
                    for one in objectives["earlier"]
                ],
                "None.",
            ),
        ],
    )


def result_section(document: Document) -> Section:
    result = document["result"]
    servers = result["servers"]
    by_status = listing([f"{number} {status}" for status, number in servers["by_status"].items()], None)
    return Section(
        "result",
        "Result",
        [
            fact(
                "Result",
                result["status"].replace("_", " "),
                "good"
                if result["status"] == "succeeded"
                else "bad"
                if result["status"] in ("failed", "partially_succeeded")
                else "",
            ),
            fact("In words", result["outcome"]),
            fact(
                "Servers",
                f"{servers['launched']} of {servers['total']} launched ({by_status})" if servers["total"] else NONE,
            ),
            fact("Steps that failed", str(result["steps_failed"])),
            *(
                fact(f"{one['objective']} met", f"{yes_no(one['met'])}: {one['reason']}", tone_of(one["met"]))
                for one in result["objectives"]
            ),
        ],
        [
            Table(
                "Not launched",
                ("Server", "Status", "Error"),
                [
                    (f"{one['server']} ({one['source_server_id']})", one["status"], one["error"] or UNKNOWN)
                    for one in result["not_launched"]
                ],
                "Every server was launched.",
            ),
            Table(
                "Checks",
                ("Check", "Result", "Output"),
                [(one["name"], one["status"], one["error"] or one["output"] or NONE) for one in result["checks"]],
                "The plan has no checks.",
            ),
            *(
                [
                    Table(
                        "Launched late",
                        ("Server", "Job", "Status", "Instance", "Found"),
                        [
                            (
                                one["source_server_id"],
                                one["job_id"],
                                one["status"],
                                one["recovery_instance_id"] or NONE,
                                told_at(one["found_at"]),
                            )
                            for one in result["launched_late"]
                        ],
                    )
                ]
                if result["launched_late"]
                else []
            ),
        ],
    )


def measure(name: str, measured: Document) -> Fact:
    target, actual = measured["target_seconds"], measured["actual_seconds"]
    aim = f"target {exact(target)}" if target is not None else "no target"
    if actual is None:
        return Fact(name, f"not measured; {aim}", blank=True)
    return Fact(name, f"{exact(actual)}; {aim}: {_met(measured['met'])}", tone_of(measured["met"]))


def _met(met: bool | None) -> str:
    return "neither met nor missed" if met is None else "met" if met else "MISSED"


def _trend(trend: Document) -> str:
    said = []
    for name, label in (("rto_seconds", "RTO"), ("rpo_seconds", "RPO")):
        change = trend[name]
        if change is not None:
            how = "the same" if not change else f"{exact(abs(change))} {'longer' if change > 0 else 'shorter'}"
            said.append(f"{label} {how}")
    return listing(said)


def _server(one: Document) -> str:
    return f"{one['hostname']}\n{one['source_server_id']}" if one["hostname"] else one["source_server_id"]


def _details(one: Document) -> tuple[str, ...]:
    return (
        _server(one),
        one["protection_group"] or NONE,
        one["site"],
        one["os"] or UNKNOWN,
        listing([f"{name}={value}" for name, value in one["tags"].items()], None) if one["tags"] else NONE,
        one["job_id"] or NONE,
        one["recovery_snapshot_id"] or NONE,
        listing(one["private_ips"], None) if one["private_ips"] else NONE,
        str(one["attempts"]),
        lasted(one["up_after_seconds"]) if one["up_after_seconds"] is not None else "not up",
        _phases(one["phases"]),
    )


def _point(one: Document, day: str) -> str:
    if one["recovery_point_at"] is None:
        return UNKNOWN
    age = one["recovery_point_age_seconds"]
    return f"{told_beside(one['recovery_point_at'], day)}{f' ({exact(age)} old)' if age is not None else ''}"


def _phases(phases: Mapping[str, str]) -> str:
    began = sorted((at, phase) for phase, at in phases.items())
    return (
        listing([f"{phase.replace('_', ' ')} {datetime.fromisoformat(at):%H:%M:%S}" for at, phase in began], None)
        if began
        else UNKNOWN
    )
