"""Each thing that waits for a person, as a card with what they have to know, and the form that answers it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from executions.core.seen import dumped
from executions.decisions import Basis
from executions.models import Execution, StepRun
from executions.screens.inbox.selectors import InboxRows, Waiting
from executions.screens.stake import StakeCard, acknowledged_card
from executions.screens.words import kind_badge, loud_badges
from executions.services.scenes import step_name
from foundation.ticking import Ticking
from foundation.wording import Badge, Tone, clock, count


@dataclass(frozen=True, slots=True)
class Card:
    execution: Execution
    #: Of the elements of its form.
    id: str
    title: str
    badges: tuple[Badge, ...]
    tone: Tone
    #: Who asked, and when.
    asked: str
    #: Why, or what has to be done first.
    words: str
    #: A page that says more.
    link: str
    #: Until when; empty if it waits for ever.
    left: str
    #: Name -> value.
    facts: tuple[tuple[str, str], ...]
    stake: StakeCard | None
    findings: tuple[tuple[str, Tone], ...]
    #: What the form carries: the step in the scene, and the scene. The same as the command's own page.
    step: str
    seen: str


def sentence(one: Waiting) -> str:
    """What is announced."""
    about = f"{one.kind} of {one.plan_name}"
    return f"Your approval is needed: {f'step {one.step}, {about}' if one.step else about}."


def cards(rows: InboxRows, now: datetime) -> tuple[Card, ...]:
    """Executions first: nothing of them has started."""
    executions = [_execution(one, rows, now) for one in rows.executions]
    return (*executions, *(_step(one, rows, now) for one in rows.steps))


def _execution(execution: Execution, rows: InboxRows, now: datetime) -> Card:
    servers = rows.servers.get(execution.pk, {})
    expires = execution.approval_expires_at
    at = execution.point_in_time
    return Card(
        execution=execution,
        id=f"execution-{execution.pk}",
        title=f"Start the {execution}",
        badges=(kind_badge(execution.kind), *loud_badges(execution)),
        tone=kind_badge(execution.kind).tone,
        asked=_asked(execution, now),
        words=execution.reason,
        link="",
        left=Ticking.until(expires, now, before="Rejected automatically in ", after=".") if expires else "",
        facts=(
            ("Launches", count(sum(servers.values()), "server")),
            ("Recovers to", f"{clock(at)} UTC" if at else "the latest state"),
            ("Approvals", f"{rows.given.get(execution.pk, 0)} of {execution.approvals_required}"),
            ("Waves", _waves(servers)),
        ),
        stake=acknowledged_card(execution, now),
        findings=_findings(rows.bases.get(execution.pk)),
        step="",
        seen=_seen(execution, rows),
    )


def _step(step: StepRun, rows: InboxRows, now: datetime) -> Card:
    execution, wave = step.execution, step.wave
    until = step.started_at + timedelta(seconds=step.timeout_seconds) if step.started_at else None
    servers = rows.servers.get(execution.pk, {}).get(wave.name, 0)
    when = "launches" if step.when == "before" else "has launched"
    return Card(
        execution=execution,
        id=f"step-{step.pk}",
        title=f"Step {step.name}",
        badges=(kind_badge(execution.kind), *loud_badges(execution)),
        tone=Tone.WARN,
        asked=_asked(execution, now),
        words="\n".join(filter(None, (str(step.parameters.get("instructions", "")), step.description))),
        link=step.link,
        left=Ticking.until(until, now, before="Times out in ", after=".") if until else "",
        facts=(
            ("Execution", str(execution)),
            ("Waiting", Ticking.since(step.started_at, now) if step.started_at else "now"),
            ("Wave", f"{wave.name}, which {when} {count(servers, 'server')}"),
        ),
        stake=None,
        findings=(),
        step=step_name(step.name, wave.name),
        seen=_seen(execution, rows),
    )


def _asked(execution: Execution, now: datetime) -> str:
    return Ticking.since(
        execution.requested_at, now, before=f"Requested by {execution.requested_by_name} ", after=" ago"
    )


def _waves(servers: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ({number})" for name, number in servers.items())


def _findings(basis: Basis | None) -> tuple[tuple[str, Tone], ...]:
    """What was found when it was requested; a change since then is told when it is approved."""
    tones = {"blocking": Tone.BAD, "warning": Tone.WARN}
    found = basis.read()["findings"] if basis is not None else []
    return tuple(
        (one["message"], tones[severity]) for severity in tones for one in found if one["severity"] == severity
    )


def _seen(execution: Execution, rows: InboxRows) -> str:
    return json.dumps(dumped(rows.scenes[execution.pk]))
