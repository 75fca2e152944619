"""The execution page: all of it that changes while the execution runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from executions.core.states import EXECUTION_ACTIVE, CleanupStatus, ExecutionKind, ExecutionStatus
from executions.models import Approval, Execution, WaveRun
from executions.screens.advice import next_steps
from executions.screens.events import EventLine, event_lines
from executions.screens.graph import Node, Picture, draw
from executions.screens.selectors import ExecutionRows
from executions.screens.targets import Meter, rpo_meter, rto_meter
from executions.screens.waves import Failure, Share, WaveCard, failures, shares, wave_card
from executions.screens.words import between, cleanup_badge, clock, duration, execution_badge, kind_badge
from foundation.wording import Badge, Tone, count


@dataclass(frozen=True, slots=True)
class ApprovalLine:
    user: str
    verdict: str
    tone: Tone
    comment: str
    at: str


@dataclass(frozen=True, slots=True)
class ExecutionPage:
    id: str
    title: str
    plan_id: int
    plan: str
    revision: int
    kind: Badge
    real: bool
    break_glass: bool
    #: Who looked at why the glass was broken, and what they said; empty if nobody did.
    review: str
    badge: Badge
    cleanup: Badge | None
    #: How often the page renews itself; 0 when nothing moves any more.
    refresh_seconds: float
    headline: str
    headline_tone: Tone
    reason: str
    requested_by: str
    requested: str
    started: str
    finished: str
    took: str
    point_in_time: str
    now: str
    meters: tuple[Meter, ...]
    total: int
    done: int
    percent: int
    shares: tuple[Share, ...]
    steps: tuple[str, ...]
    failures: tuple[Failure, ...]
    approvals: tuple[ApprovalLine, ...]
    approvals_given: int
    approvals_required: int
    picture: Picture
    waves: tuple[WaveCard, ...]
    events: tuple[EventLine, ...]
    event_page: int
    event_pages: int
    #: Pages beside this one; 0 where there is none.
    newer_events: int
    older_events: int


def execution_page(rows: ExecutionRows, now: datetime, *, wave: int | None = None, page: int = 1) -> ExecutionPage:
    """`wave` is the position of the wave whose servers are paged through, at `page`; the others show their first."""
    execution = rows.execution
    servers = [server for one in rows.waves for server in rows.servers.get(one.pk, ())]
    parts = shares([server.status for server in servers])
    done = sum(part.number for part in parts if part.tone is Tone.GOOD)
    names = {one.position: one.name for one in rows.waves}
    cards = tuple(
        wave_card(
            one,
            rows.servers.get(one.pk, ()),
            rows.steps.get(one.pk, ()),
            names,
            started_at=execution.started_at,
            now=now,
            page=page if one.position == wave else 1,
            chosen=one.position == wave,
        )
        for one in rows.waves
    )
    beside = execution.requested_at
    return ExecutionPage(
        id=str(execution.pk),
        title=f"{'Recovery' if execution.kind == ExecutionKind.RECOVERY else 'Drill'} of {execution.plan_name}",
        plan_id=execution.plan_id,
        plan=execution.plan_name,
        revision=execution.plan_revision,
        kind=kind_badge(execution.kind),
        real=execution.kind == ExecutionKind.RECOVERY,
        break_glass=execution.break_glass,
        review=_review(execution),
        badge=execution_badge(execution.status),
        cleanup=cleanup_badge(execution.cleanup_status),
        refresh_seconds=_refresh_seconds(execution),
        headline=headline(execution, rows.waves, done, len(servers)),
        headline_tone=execution_badge(execution.status).tone,
        reason=execution.reason,
        requested_by=execution.requested_by_name,
        requested=clock(execution.requested_at),
        started=clock(execution.started_at, beside),
        finished=clock(execution.finished_at, beside),
        took=duration(between(execution.started_at, execution.finished_at or now)),
        point_in_time=f"{clock(execution.point_in_time)} UTC" if execution.point_in_time else "latest",
        now=clock(now, beside),
        meters=(rto_meter(execution, now), rpo_meter(execution)),
        total=len(servers),
        done=done,
        percent=100 * done // len(servers) if servers else 0,
        shares=parts,
        steps=next_steps(
            execution,
            rows.waves,
            servers,
            [step for one in rows.waves for step in rows.steps.get(one.pk, ())],
            rows.approvals,
            open_launches=rows.open_launches,
        ),
        failures=failures(rows.waves, rows.servers, rows.steps),
        approvals=tuple(_approval(approval, beside) for approval in rows.approvals),
        approvals_given=sum(1 for approval in rows.approvals if approval.approved),
        approvals_required=execution.approvals_required,
        picture=_picture(cards, rows.waves),
        waves=cards,
        events=event_lines(rows.events, beside),
        event_page=rows.event_page,
        event_pages=rows.event_pages,
        newer_events=rows.event_page - 1,
        older_events=rows.event_page + 1 if rows.event_page < rows.event_pages else 0,
    )


def headline(execution: Execution, waves: Sequence[WaveRun], done: int, total: int) -> str:
    """Where it stands, in one sentence."""
    status = ExecutionStatus(execution.status)
    if status not in EXECUTION_ACTIVE:
        return execution.outcome or f"{execution_badge(status).text.capitalize()}."
    if status is ExecutionStatus.AWAITING_APPROVAL:
        return "Waits for approval: nothing has been launched."
    busy = [wave.name for wave in waves if wave.status in ("running", "waiting")]
    doing = {
        ExecutionStatus.PAUSED: "Paused",
        ExecutionStatus.CANCELLING: "Cancelling",
    }.get(status, f"Now: {', '.join(busy)}" if busy else "Running")
    return f"{doing}. {done} of {count(total, 'server')} launched."


def _refresh_seconds(execution: Execution) -> float:
    if execution.status in EXECUTION_ACTIVE or execution.cleanup_status == CleanupStatus.RUNNING:
        return float(settings.DRSORCH_REFRESH_SECONDS)
    return 30 if execution.cleanup_status == CleanupStatus.SCHEDULED else 0


def _review(execution: Execution) -> str:
    if execution.reviewed_at is None:
        return ""
    return f"Reviewed by {execution.reviewed_by_name}, {clock(execution.reviewed_at)}: {execution.review_comment}"


def _approval(approval: Approval, beside: datetime) -> ApprovalLine:
    return ApprovalLine(
        user=approval.user_name,
        verdict="approved" if approval.approved else "rejected",
        tone=Tone.GOOD if approval.approved else Tone.BAD,
        comment=approval.comment,
        at=clock(approval.at, beside),
    )


def _picture(cards: Sequence[WaveCard], waves: Sequence[WaveRun]) -> Picture:
    nodes = [Node(card.name, card.badge, f"{card.done} of {card.total} launched", card.percent) for card in cards]
    return draw([tuple(wave.depends_on) for wave in waves], nodes)
