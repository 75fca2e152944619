"""What deviated, was found and cleaned up; and what proves it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from foundation.durations import exact
from foundation.wording import listing
from reports.core.notes import TOPICS
from reports.core.telling.words import (
    NOBODY,
    NONE,
    NOT_RECORDED,
    UNKNOWN,
    Document,
    Section,
    Table,
    fact,
    statements,
    told_at,
    tone_of,
    yes_no,
)


def deviations_section(document: Document) -> Section:
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
                        told_at(one["at"]),
                        one["kind"],
                        one["by"] or "drsorch",
                        one["what"],
                        one["why"] or (NOT_RECORDED if one["by"] and one["kind"] != "work by hand" else NONE),
                        str(one["sequence"]) if one["sequence"] else "another record",
                    )
                    for one in document["deviations"]
                ],
                "Everything went as planned: no retry, skip, override, break-glass, failure or work by hand.",
            ),
            Table(
                "Notes",
                ("When", "Who", "About", "Note"),
                [
                    (told_at(one["at"]), one["by"], TOPICS.get(one["topic"], one["topic"]), one["text"])
                    for one in document["notes"]
                ],
                "No notes were taken.",
            ),
        ],
    )


def integrity_section(integrity: Document) -> Section:
    columns = ("Who", "When", "What")
    return Section(
        "integrity",
        "Integrity of the test",
        [],
        [
            Table("Data integrity checks", columns, statements(integrity["data_checks"]), NOBODY),
            Table(
                "Security controls in the recovered systems",
                columns,
                statements(integrity["security_controls"]),
                NOBODY,
            ),
            Table("Impact on production", columns, statements(integrity["production_impact"]), NOBODY),
        ],
    )


def findings_section(findings: Sequence[Document]) -> Section:
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
                        f"{told_at(one['added_at'])} by {one['added_by']}",
                        f"{told_at(one['settled_at'])} by {one['settled_by']}" if one["settled_at"] else "not yet",
                    )
                    for one in findings
                ],
                "No findings were recorded.",
            ),
        ],
    )


#: Of the clean-up's status, in words: "none" alone could be read as nothing to clean up.
CLEANUP: Final = {
    "none": "not started",
    "scheduled": "planned, not started",
    "running": "running",
    "succeeded": "succeeded",
    "failed": "failed",
}


def cleanup_section(cleanup: Document) -> Section:
    planned = cleanup["planned_after_seconds"]
    return Section(
        "cleanup",
        "Clean-up",
        [
            fact("Clean-up", CLEANUP[cleanup["status"]]),
            fact("Planned", "no" if planned is None else f"{exact(planned)} after the end"),
            fact("Ended", told_at(cleanup["ended_at"]) if cleanup["ended_at"] else "not over"),
            fact("Instances", f"{cleanup['terminated']} of {cleanup['launched']} terminated"),
            fact("Volumes", cleanup["volumes"] or f"{NOT_RECORDED}: drsorch does not ask EC2 about volumes"),
            fact("Cost", cleanup["cost"] or f"{NOT_RECORDED}: drsorch does not know what it cost"),
        ],
        [
            Table(
                "Instances",
                ("Server", "Instance", "Terminated", "Proof", "Error"),
                [
                    (
                        one["server"],
                        one["recovery_instance_id"],
                        told_at(one["terminated_at"]) if one["terminated_at"] else yes_no(one["terminated"]),
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


def evidence_section(document: Document) -> Section:
    chain = document["evidence"]
    verified = chain["verified"]
    words = (
        UNKNOWN if verified is None else "yes: nothing was changed" if verified else f"NO: {' '.join(chain['faults'])}"
    )
    return Section(
        "evidence",
        "Evidence",
        [
            fact("Events", str(chain["event_count"])),
            fact("Hash of the last event", chain["chain_head"]),
            fact("Verified when sealed", words, tone_of(verified)),
            fact("DRS jobs", listing(chain["drs_jobs"], None) if chain["drs_jobs"] else NONE),
            fact("AWS request ids", chain["aws_request_ids"]),
            fact("Launch settings", chain["launch_settings_sha256"]),
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
                        told_at(one["from"]),
                        told_at(one["to"]),
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
                        told_at(one["at"]),
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
