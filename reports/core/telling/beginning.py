"""What was run, why, on what, and by whom."""

from __future__ import annotations

from typing import Final

from foundation.wording import listing
from reports.core.telling.words import (
    NOBODY,
    NONE,
    UNKNOWN,
    Document,
    Section,
    Table,
    fact,
    statements,
    told_at,
)


def identity_section(document: Document) -> Section:
    identity = document["identity"]
    return Section(
        "identity",
        "Identity",
        [
            fact("Test id", identity["execution_id"]),
            fact("Kind", f"{identity['kind']} ({identity['test_type']})"),
            fact("Plan", f"{identity['plan']} (id {identity['plan_id']}), revision {identity['plan_revision']}"),
            fact("SHA-256 of the plan", identity["plan_sha256"]),
            fact(
                "Scheduled",
                "unscheduled: a person requested it" if identity["schedule"] is None else identity["schedule"],
            ),
            fact("Tool", f"{identity['tool']} {identity['tool_version']}"),
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


def why_section(why: Document) -> Section:
    kind = why["scenario_type"]
    return Section(
        "why",
        "Why",
        [
            fact("Reason", why["reason"]),
            fact("Type of scenario", _SCENARIOS.get(kind, kind) if kind else None),
            fact("Scenario", why["scenario"]),
            fact("Objectives", why["objectives"]),
            fact("Assumptions", why["assumptions"]),
            fact("Expected outcome", why["expected_outcome"]),
            fact("Impact analysis or risk", why["risk_reference"]),
            fact(
                "Business functions covered",
                listing(why["business_functions"], None) if why["business_functions"] else None,
            ),
            fact("Point in time", told_at(why["point_in_time"]) if why["point_in_time"] else "the latest state"),
        ],
    )


def scope_section(scope: Document) -> Section:
    covered = scope["covered_percent"]
    share = UNKNOWN if covered is None else f"{covered} %: {scope['servers']} of {scope['protected_servers']}"
    return Section(
        "scope",
        "Scope",
        [
            fact("Servers", str(scope["servers"])),
            fact("Share of the protected servers of its sites", share),
            fact("Left out, and why", scope["exclusions"]),
            fact("Not tested", scope["not_tested"]),
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


def people_section(people: Document) -> Section:
    needed = people["approvals_required"]
    approvals = f"{people['approvals_given']} of {needed} needed" if needed else "none needed"
    review = people["review"]
    return Section(
        "people",
        "People",
        [
            fact("Requested by", people["requested_by"]),
            fact("Owner", people["business_owner"]),
            fact("Approvals", approvals),
            fact(
                "Break-glass",
                "yes: started without the approvals it needed" if people["break_glass"] else "no",
                "bad" if people["break_glass"] else "",
            ),
            *(
                [fact("Most approvals needed in the 30 days before", str(people["approvals_expected"]))]
                if people["approvals_expected"] > needed
                else []
            ),
            fact(
                "Review of passed-by approvals",
                f"{review['by']}, {told_at(review['at'])}: {review['comment'] or ''}"
                if review
                else ("not yet" if people["break_glass"] else "not needed"),
            ),
            fact("Signed off by the owner", _signed(people, "owner"), "good" if people["signed_by_owner"] else ""),
            fact(
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
                        told_at(one["at"]),
                        "approved" if one["approved"] else "rejected",
                        one["comment"] or "no comment",
                    )
                    for one in people["approvals"]
                ],
                "No one approved or rejected it.",
            ),
            Table(
                "Who acted",
                ("Who", "What", "First", "Last"),
                [
                    (one["name"], listing(one["did"], None), told_at(one["first_at"]), told_at(one["last_at"]))
                    for one in people["acted"]
                ],
                "No one acted on it.",
            ),
            Table("Observers", ("Noted by", "When", "Who looked on"), statements(people["observers"]), NOBODY),
            Table(
                "Sign-offs",
                ("Role", "Who", "When", "Statement", "Version", "SHA-256"),
                [
                    (
                        one["role"],
                        one["by"],
                        told_at(one["at"]),
                        one["statement"] or "no statement",
                        str(one["version"]),
                        one["sha256"],
                    )
                    for one in people["sign_offs"]
                ],
                "No one has signed this report yet.",
            ),
        ],
    )


def _signed(people: Document, role: str) -> str:
    signed = [one for one in people["sign_offs"] if one["role"] == role]
    if not people[f"signed_by_{role}"]:
        return "not since it ended again" if signed else "not yet"
    return f"{signed[-1]['by']}, {told_at(signed[-1]['at'])}"
