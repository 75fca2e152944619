"""A report in words, in the order in which it is read: for pages that show it. What nobody recorded is said so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from foundation.durations import exact
from foundation.wording import clock_utc, count, listing

NOT_RECORDED: Final = "not recorded"
UNKNOWN: Final = "unknown"
NONE: Final = "none"

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fact:
    """A label and what is known. `tone` is good, bad or empty; the words say the same."""

    label: str
    value: str
    tone: str = ""
    #: Nothing was recorded: shown fainter.
    blank: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    #: Said where there are no rows.
    empty: str = "None."
    #: Folded away at first where it is long.
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    id: str
    title: str
    facts: Sequence[Fact] = ()
    tables: Sequence[Table] = field(default_factory=tuple)


def sections(document: Document) -> list[Section]:
    """All of the document, block by block."""
    return [
        _identity(document),
        _why(document["why"]),
        _scope(document["scope"]),
        _people(document["people"]),
        _timeline(document),
        _objectives(document["objectives"]),
        _result(document),
        _deviations(document),
        _integrity(document["integrity"]),
        _findings(document["findings"]),
        _cleanup(document["cleanup"]),
        _evidence(document),
    ]


# --- the blocks ---------------------------------------------------------------------------------------------------


def _identity(document: Document) -> Section:
    identity = document["identity"]
    return Section(
        "identity",
        "Identity",
        [
            _fact("Test id", identity["execution_id"]),
            _fact("Kind", f"{identity['kind']}: {identity['test_type']}"),
            _fact("Plan", f"{identity['plan']} (id {identity['plan_id']}), revision {identity['plan_revision']}"),
            _fact("SHA-256 of the plan", identity["plan_sha256"]),
            _fact(
                "Scheduled",
                "unscheduled: a person requested it" if identity["schedule"] is None else identity["schedule"],
            ),
            _fact("Tool", f"{identity['tool']} {identity['tool_version']}"),
        ],
        [
            Table(
                "Environment",
                ("Site", "Account", "Region"),
                [(one["site"], one["account_id"] or UNKNOWN, one["region"]) for one in identity["environment"]],
            )
        ],
    )


_SCENARIOS: Final = {
    "region_loss": "loss of a Region",
    "zone_loss": "loss of an Availability Zone",
    "data_centre_loss": "loss of a data centre",
    "ransomware": "ransomware",
    "data_corruption": "corrupted data",
    "supplier_failure": "failure of a supplier",
    "other": "other",
}


def _why(why: Document) -> Section:
    kind = why["scenario_type"]
    return Section(
        "why",
        "Why",
        [
            _fact("Reason", why["reason"]),
            _fact("Type of scenario", _SCENARIOS.get(kind, kind) if kind else None),
            _fact("Scenario", why["scenario"]),
            _fact("Objectives", why["objectives"]),
            _fact("Assumptions", why["assumptions"]),
            _fact("Expected outcome", why["expected_outcome"]),
            _fact("Impact analysis or risk", why["risk_reference"]),
            _fact(
                "Business functions covered",
                listing(why["business_functions"], None) if why["business_functions"] else None,
            ),
            _fact("Point in time", _at(why["point_in_time"]) if why["point_in_time"] else "the latest state"),
        ],
    )


def _scope(scope: Document) -> Section:
    covered = scope["covered_percent"]
    share = UNKNOWN if covered is None else f"{covered} %: {scope['servers']} of {scope['protected_servers']}"
    return Section(
        "scope",
        "Scope",
        [
            _fact("Servers", str(scope["servers"])),
            _fact("Share of the protected servers of its sites", share),
            _fact("Left out, and why", scope["exclusions"]),
            _fact("Not tested", scope["not_tested"]),
        ],
        [
            Table(
                "Waves",
                ("Wave", "Waits for", "Protection groups", "Servers", "Minimum success", "On failure"),
                [
                    (
                        wave["name"],
                        listing(wave["waits_for"], None) if wave["waits_for"] else "nothing",
                        listing(wave["protection_groups"], None) if wave["protection_groups"] else NONE,
                        str(wave["servers"]),
                        f"{wave['minimum_success_percent']} %",
                        wave["on_failure"],
                    )
                    for wave in scope["waves"]
                ],
            )
        ],
    )


def _people(people: Document) -> Section:
    needed = people["approvals_required"]
    approvals = f"{people['approvals_given']} of {needed} needed" if needed else "none needed"
    review = people["review"]
    return Section(
        "people",
        "People",
        [
            _fact("Requested by", people["requested_by"]),
            _fact("Owner", people["business_owner"]),
            _fact("Approvals", approvals),
            _fact(
                "Break-glass",
                "yes: started without the approvals it needed" if people["break_glass"] else "no",
                "bad" if people["break_glass"] else "",
            ),
            *(
                [_fact("Most approvals needed in the 30 days before", str(people["approvals_expected"]))]
                if people["approvals_expected"] > needed
                else []
            ),
            _fact(
                "Review of passed-by approvals",
                f"{review['by']}, {_at(review['at'])}: {review['comment'] or ''}"
                if review
                else ("not yet" if people["break_glass"] else "not needed"),
            ),
            _fact("Signed off by the owner", _signed(people, "owner"), "good" if people["signed_by_owner"] else ""),
            _fact(
                "Signed off by an independent reviewer",
                _signed(people, "reviewer"),
                "good" if people["signed_by_reviewer"] else "",
            ),
        ],
        [
            Table(
                "Approvals",
                ("Who", "When", "Decision", "Comment"),
                [
                    (
                        one["by"],
                        _at(one["at"]),
                        "approved" if one["approved"] else "rejected",
                        one["comment"] or "no comment",
                    )
                    for one in people["approvals"]
                ],
                "Nobody approved or rejected it.",
            ),
            Table(
                "Who acted",
                ("Who", "What", "First", "Last"),
                [
                    (one["name"], listing(one["did"], None), _at(one["first_at"]), _at(one["last_at"]))
                    for one in people["acted"]
                ],
                "Nobody acted on it.",
            ),
            Table("Observers", ("Noted by", "When", "Who looked on"), _statements(people["observers"]), _nobody),
            Table(
                "Sign-offs",
                ("Role", "Who", "When", "Statement", "Version", "SHA-256"),
                [
                    (
                        one["role"],
                        one["by"],
                        _at(one["at"]),
                        one["statement"] or "no statement",
                        str(one["version"]),
                        one["sha256"],
                    )
                    for one in people["sign_offs"]
                ],
                "Nobody has signed this report.",
            ),
        ],
    )


def _timeline(document: Document) -> Section:
    timeline = document["timeline"]
    spent, validated, over = timeline["spent"], timeline["validated"], timeline["recovery_over"]
    facts = [
        *([_fact("Declared", _at(timeline["declared_at"]))] if timeline["declared_at"] else []),
        _fact("Requested", _at(timeline["requested_at"])),
        _fact(
            "Approved",
            _at(timeline["approved_at"])
            if timeline["approved_at"]
            else "no approval needed"
            if not document["people"]["approvals_required"]
            else None,
        ),
        _fact("Started", _at(timeline["started_at"])),
        _fact("First launch", _at(timeline["first_launch_at"])),
        _fact("Last critical launch", _at(timeline["last_critical_launch_at"])),
        _fact("Last launch", _at(timeline["last_launch_at"])),
        _fact(
            "Application validated",
            f"{_at(validated['at'])} by {validated['by']}: {validated['comment'] or 'no comment'}"
            if validated
            else None,
        ),
        _fact("Ended", _at(timeline["ended_at"])),
        _fact("Cleaned up", _at(timeline["cleaned_up_at"])),
        *(
            [_fact("Recovery declared over", f"{_at(over['at'])} by {over['by']}: {over['comment'] or ''}")]
            if over
            else []
        ),
        _fact("From the request to the end", exact(spent["total_seconds"])),
        _fact("Of that, deciding", exact(spent["deciding_seconds"])),
        _fact("Of that, waiting for people", exact(spent["waiting_for_people_seconds"])),
        _fact("Of that, the machine's work", exact(spent["machine_seconds"])),
    ]
    waves = [
        (
            wave["name"],
            wave["status"].replace("_", " "),
            _at(wave["ready_at"]),
            _at(wave["started_at"]),
            _at(wave["finished_at"]),
            _for(wave["seconds"]),
            f"{wave['launched']} of {wave['servers']}",
        )
        for wave in timeline["waves"]
    ]
    return Section(
        "timeline",
        "Timeline",
        facts,
        [
            Table("Waves", ("Wave", "Status", "Ready", "Started", "Ended", "Took", "Launched"), waves),
            Table(
                "Steps",
                ("Wave", "Step", "Kind", "When", "Status", "Started", "Took", "Output or error"),
                [
                    (
                        step["wave"],
                        step["name"],
                        step["kind"].replace("_", " "),
                        f"{step['when']} the wave",
                        step["status"],
                        _at(step["started_at"]),
                        _for(step["seconds"]),
                        step["error"] or step["output"] or NONE,
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
                    "Started",
                    "Up",
                    "Launch took",
                    "Recovery point",
                    "Its age",
                    "Instance",
                    "Phases",
                    "Error",
                ),
                [
                    (
                        _server(one),
                        one["wave"],
                        one["status"],
                        _at(one["started_at"]),
                        _at(one["finished_at"]),
                        _for(one["launch_seconds"]),
                        _at(one["recovery_point_at"]),
                        _for(one["recovery_point_age_seconds"]),
                        one["recovery_instance_id"] or NONE,
                        _phases(one["phases"]),
                        one["error"] or one["cleanup_error"] or NONE,
                    )
                    for one in document["servers"]
                ],
                "No servers.",
                folded=len(document["servers"]) > 50,
            ),
        ],
    )


def _objectives(objectives: Document) -> Section:
    points = objectives["recovery_points"]
    trend = objectives["trend"]
    return Section(
        "objectives",
        "Objectives",
        [
            _measure("RTO", objectives["rto"]),
            _measure("RTO to the validated application", objectives["rto_validated"]),
            _measure("RPO", objectives["rpo"]),
            _measure("MTPD", objectives["mtpd"]),
            _fact("Oldest recovery point", _at(points["oldest_at"])),
            _fact("Newest recovery point", _at(points["newest_at"])),
            _fact("Between the two", _for(points["skew_seconds"])),
            _fact("Against the run before", _trend(trend) if trend else "no earlier run to compare with"),
        ],
        [
            Table(
                "By wave",
                ("Wave", "Status", "Ended after the start", "Oldest recovery point"),
                [
                    (
                        wave["name"],
                        wave["status"].replace("_", " "),
                        _for(wave["finished_after_seconds"]),
                        _for(wave["oldest_recovery_point_age_seconds"]),
                    )
                    for wave in objectives["waves"]
                ],
            ),
            Table(
                "Earlier runs of the plan",
                ("Requested", "Result", "RTO", "RPO", "Id"),
                [
                    (
                        _at(one["requested_at"]),
                        one["status"].replace("_", " "),
                        _for(one["rto_actual_seconds"]),
                        _for(one["rpo_actual_seconds"]),
                        one["execution_id"],
                    )
                    for one in objectives["earlier"]
                ],
                "None.",
            ),
        ],
    )


def _result(document: Document) -> Section:
    result = document["result"]
    servers = result["servers"]
    by_status = listing([f"{number} {status}" for status, number in servers["by_status"].items()], None)
    return Section(
        "result",
        "Result",
        [
            _fact(
                "Result",
                result["status"].replace("_", " "),
                "good"
                if result["status"] == "succeeded"
                else "bad"
                if result["status"] in ("failed", "partially_succeeded")
                else "",
            ),
            _fact("In words", result["outcome"]),
            _fact(
                "Servers",
                f"{servers['launched']} of {servers['total']} launched ({by_status})" if servers["total"] else NONE,
            ),
            _fact("Steps that failed", str(result["steps_failed"])),
            *(
                _fact(f"{one['objective']} met", f"{_yes(one['met'])}: {one['reason']}", _tone(one["met"]))
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
                ("Check", "Result", "What it said"),
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
                                _at(one["found_at"]),
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


def _deviations(document: Document) -> Section:
    return Section(
        "deviations",
        "Deviations",
        [],
        [
            Table(
                "What did not go as planned",
                ("When", "Kind", "Who", "What", "Why", "Event"),
                [
                    (
                        _at(one["at"]),
                        one["kind"],
                        one["by"] or "drsorch",
                        one["what"],
                        one["why"] or NOT_RECORDED,
                        str(one["sequence"]) if one["sequence"] else "another record",
                    )
                    for one in document["deviations"]
                ],
                "Everything went as planned: no retry, skip, override, break-glass, failure or work by hand.",
            ),
        ],
    )


def _integrity(integrity: Document) -> Section:
    columns = ("Who", "When", "What")
    return Section(
        "integrity",
        "Integrity of the test",
        [],
        [
            Table("Data integrity checks", columns, _statements(integrity["data_checks"]), _nobody),
            Table(
                "Security controls in the recovered systems",
                columns,
                _statements(integrity["security_controls"]),
                _nobody,
            ),
            Table("Impact on production", columns, _statements(integrity["production_impact"]), _nobody),
        ],
    )


def _findings(findings: Sequence[Document]) -> Section:
    return Section(
        "findings",
        "Findings",
        [],
        [
            Table(
                "Findings",
                (
                    "Id",
                    "Title",
                    "Severity",
                    "Owner",
                    "Due",
                    "Status",
                    "Description",
                    "Action",
                    "Ticket",
                    "Resolution",
                    "Retest",
                    "Reported to management",
                    "Added",
                    "Settled",
                ),
                [
                    (
                        str(one["id"]),
                        one["title"],
                        one["severity"],
                        one["owner"] or NOT_RECORDED,
                        one["due_on"] or NOT_RECORDED,
                        one["status"],
                        one["description"] or NOT_RECORDED,
                        one["action"] or NOT_RECORDED,
                        one["ticket_url"] or NOT_RECORDED,
                        one["resolution"] or NOT_RECORDED,
                        one["retest_execution"] or "not yet",
                        one["reported_on"] or NOT_RECORDED,
                        f"{_at(one['added_at'])} by {one['added_by']}",
                        f"{_at(one['settled_at'])} by {one['settled_by']}" if one["settled_at"] else "not yet",
                    )
                    for one in findings
                ],
                "No findings were recorded.",
            ),
        ],
    )


def _cleanup(cleanup: Document) -> Section:
    planned = cleanup["planned_after_seconds"]
    return Section(
        "cleanup",
        "Clean-up",
        [
            _fact("Clean-up", cleanup["status"]),
            _fact("Planned", "no" if planned is None else f"{exact(planned)} after the end"),
            _fact("Ended", _at(cleanup["ended_at"])),
            _fact("Instances", f"{cleanup['terminated']} of {cleanup['launched']} terminated"),
            _fact("Volumes", cleanup["volumes"]),
            _fact("Cost", cleanup["cost"]),
        ],
        [
            Table(
                "Instances",
                ("Server", "Instance", "Terminated", "Proof", "Error"),
                [
                    (
                        one["server"],
                        one["recovery_instance_id"],
                        _at(one["terminated_at"]) if one["terminated_at"] else _yes(one["terminated"]),
                        f"event {one['sequence']}" if one["sequence"] else NONE,
                        one["error"] or NONE,
                    )
                    for one in cleanup["instances"]
                ],
                "No instances were launched.",
                folded=len(cleanup["instances"]) > 50,
            )
        ],
    )


def _evidence(document: Document) -> Section:
    chain = document["evidence"]
    verified = chain["verified"]
    words = (
        UNKNOWN if verified is None else "yes: nothing was changed" if verified else f"NO: {' '.join(chain['faults'])}"
    )
    return Section(
        "evidence",
        "Evidence",
        [
            _fact("Events", str(chain["event_count"])),
            _fact("Hash of the last event", chain["chain_head"]),
            _fact("Verified when sealed", words, _tone(verified)),
            _fact("DRS jobs", listing(chain["drs_jobs"], None) if chain["drs_jobs"] else NONE),
            _fact("AWS request ids", chain["aws_request_ids"]),
            _fact("Launch settings", chain["launch_settings_sha256"]),
        ],
        [
            Table(
                "Look it up in CloudTrail",
                ("Account", "Region", "Event source", "Events", "Job tag", "From", "To"),
                [
                    (
                        one["account_id"] or UNKNOWN,
                        one["region"],
                        one["event_source"],
                        listing(one["event_names"], None),
                        listing([f"{name}={value}" for name, value in one["job_tag"].items()], None),
                        _at(one["from"]),
                        _at(one["to"]),
                    )
                    for one in chain["cloudtrail"]
                ],
            ),
            Table(
                "Every event",
                ("Event", "When", "Who", "By", "What", "Why", "Hash"),
                [
                    (
                        str(one["sequence"]),
                        _at(one["at"]),
                        one["actor"],
                        one["via"],
                        one["sentence"],
                        one["reason"] or NONE,
                        one["hash"],
                    )
                    for one in document["events"]
                ],
                folded=True,
            ),
        ],
    )


# --- words --------------------------------------------------------------------------------------------------------

_nobody: Final = f"Nobody said anything about this: {NOT_RECORDED}."


def _fact(label: str, value: str | None, tone: str = "") -> Fact:
    return Fact(label, value or NOT_RECORDED, tone, blank=not value)


def _at(text: str | None) -> str:
    return clock_utc(datetime.fromisoformat(text).astimezone(UTC)) if text else NOT_RECORDED


def _for(seconds: int | None) -> str:
    return exact(seconds) if seconds is not None else UNKNOWN


def _measure(name: str, measured: Document) -> Fact:
    target, actual = measured["target_seconds"], measured["actual_seconds"]
    aim = f"target {exact(target)}" if target is not None else "no target"
    if actual is None:
        return Fact(name, f"not measured; {aim}", blank=True)
    return Fact(name, f"{exact(actual)}; {aim}: {_met(measured['met'])}", _tone(measured["met"]))


def _met(met: bool | None) -> str:
    return "neither met nor missed" if met is None else "met" if met else "MISSED"


def _yes(value: bool | None) -> str:
    return UNKNOWN if value is None else "yes" if value else "NO"


def _tone(good: bool | None) -> str:
    return "" if good is None else "good" if good else "bad"


def _trend(trend: Document) -> str:
    said = []
    for name, label in (("rto_seconds", "RTO"), ("rpo_seconds", "RPO")):
        change = trend[name]
        if change is not None:
            how = "the same" if not change else f"{exact(abs(change))} {'longer' if change > 0 else 'shorter'}"
            said.append(f"{label} {how}")
    return listing(said)


def _signed(people: Document, role: str) -> str:
    signed = [one for one in people["sign_offs"] if one["role"] == role]
    return f"{signed[-1]['by']}, {_at(signed[-1]['at'])}" if signed else "not yet"


def _statements(said: Sequence[Document] | None) -> list[tuple[str, str, str]]:
    return [(one["by"], _at(one["at"]), one["text"]) for one in said or ()]


def _server(one: Document) -> str:
    return f"{one['hostname']} ({one['source_server_id']})" if one["hostname"] else one["source_server_id"]


def _phases(phases: Mapping[str, str]) -> str:
    began = sorted((at, phase) for phase, at in phases.items())
    return (
        listing([f"{phase.replace('_', ' ')} {datetime.fromisoformat(at):%H:%M:%S}" for at, phase in began], None)
        if began
        else UNKNOWN
    )


def summary(document: Document) -> str:
    """One sentence for a list or a head line."""
    result, findings = document["result"], document["findings"]
    still = sum(1 for one in findings if one["status"] == "open")
    return f"{result['outcome'] or result['status']} {count(still, 'open finding')}."
