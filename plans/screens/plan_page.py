"""What the page of a plan shows: its board, and what readiness says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from access import policy
from foundation.wording import Badge, Tone, count
from plans import readiness as facts
from plans import selectors, uses
from plans.core.document import PlanDocument, WaveDocument, wave_graph
from plans.core.findings import Finding, Severity
from plans.core.graph import cycle
from plans.core.picture import Node, Picture, draw
from plans.models import Plan
from plans.screens.board import board


def body(request: HttpRequest, plan: Plan) -> dict[str, Any]:
    """All that is drawn again when the board was saved."""
    document = selectors.document(plan)
    return {
        "plan": plan,
        "board": board(plan, document, request.user),
        "picture": picture(document),
        "readiness": readiness(facts.evaluate(plan, request.user)),
        "revision": selectors.revision_newest(plan),
        "proved": uses.proved_last(plan.pk, request.user),
        "may_change": plan.archived_at is None and policy.may(request.user, "plans.change_plan", on=plan),
    }


def picture(document: PlanDocument) -> Picture | None:
    """The waves as a graph, for browsers without scripts, as the board draws its lines with one; None of no waves."""
    graph = wave_graph(document["waves"])
    if not graph or cycle(graph):
        return None
    return draw(graph, [Node(wave["name"], _contents(wave)) for wave in document["waves"]])


def _contents(wave: WaveDocument) -> str:
    parts = [count(len(wave["protection_groups"]), "group")] if wave["protection_groups"] else []
    parts += [count(len(wave["steps"]), "step")] if wave["steps"] else []
    return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Readiness:
    blocking: tuple[Finding, ...]
    warnings: tuple[Finding, ...]
    #: The outcome in a word, and in a sentence.
    badge: Badge
    summary: str


def readiness(findings: Sequence[Finding]) -> Readiness:
    """Findings by what they mean for a run, and the outcome."""
    blocking = tuple(finding for finding in findings if finding.severity == Severity.BLOCKING)
    warnings = tuple(finding for finding in findings if finding.severity == Severity.WARNING)
    if blocking:
        badge = Badge("Not ready", Tone.BAD, "block")
        return Readiness(blocking, warnings, badge, f"Not ready: {count(len(blocking), 'blocking finding')}.")
    if warnings:
        many = count(len(warnings), "warning")
        return Readiness(blocking, warnings, Badge(f"Ready, {many}", Tone.WARN, "warning"), f"Ready, with {many}.")
    badge = Badge("Ready", Tone.GOOD, "check_circle")
    return Readiness(blocking, warnings, badge, "Ready to run.")
