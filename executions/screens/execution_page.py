"""The execution page: all of it that is not written in the rows themselves."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from executions.core.states import EXECUTION_ACTIVE, WAVE_ACTIVE, WAVE_FINAL, CleanupStatus, ExecutionStatus
from executions.models import Approval, Execution, WaveRun
from executions.screens.advice import next_steps
from executions.screens.forecasts.card import end_meter
from executions.screens.late import LateAlarm, late_alarm
from executions.screens.monitor.events import EventLine, event_lines
from executions.screens.monitor.needs import needs
from executions.screens.monitor.reading import MonitorRows
from executions.screens.monitor.scene import Need
from executions.screens.monitor.split import SplitLine, split_lines
from executions.screens.monitor.timeline import Timeline, expected_waves, timeline
from executions.screens.monitor.waves import Failure, WaveCard, failures, shares, wave_card
from executions.screens.selectors import ExecutionRows
from executions.screens.targets import rpo_meter, rto_meter
from executions.screens.words import approval_badge, cleanup_badge, execution_badge, took
from executions.services.commands import Facts
from foundation.wording import Badge, Meter, Share, Tone, clock, count
from plans.core.picture import Node, Picture, draw
from plans.core.purpose import purpose_of
from plans.screens.purpose import PurposeCard, purpose_card

#: A wave with so many servers says the share of those that launched, in its picture.
_MANY = 100


@dataclass(frozen=True, slots=True)
class WaveGroup:
    title: str
    positions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ExecutionPage:
    """Shown beside the execution, which the page has as well."""

    badge: Badge
    cleanup: Badge | None
    #: How often the page renews itself; 0 when nothing moves any more.
    refresh_seconds: float
    headline: str
    #: Who looked at why the glass was broken, and what they said; empty if nobody did.
    review: str
    took: str
    now: datetime
    meters: tuple[Meter, ...]
    total: int
    done: int
    percent: int
    shares: tuple[Share, ...]
    #: Why servers and steps failed.
    failures: tuple[Failure, ...]
    #: What needs a person now, the most urgent first.
    needs: tuple[Need, ...]
    steps: tuple[str, ...]
    #: Where the time went; empty where all of it was the machine's.
    split: tuple[SplitLine, ...]
    why: PurposeCard | None
    timeline: Timeline | None
    late: LateAlarm | None
    approvals: tuple[tuple[Approval, Badge], ...]
    #: Approvals that count: their givers may still give them.
    approvals_given: int
    lapsed: frozenset[int]
    picture: Picture
    waves: tuple[WaveCard, ...]
    #: The waves in the order in which the page has them: what runs, what is to come, what is over.
    groups: tuple[WaveGroup, ...]
    events: tuple[EventLine, ...]
    event_page: int
    event_pages: int
    #: Pages beside this one; 0 where there is none.
    newer_events: int
    older_events: int


def execution_page(
    rows: ExecutionRows,
    monitor: MonitorRows,
    now: datetime,
    *,
    facts: Facts,
    offered: Collection[str] = (),
    wave: int | None = None,
    page: int = 1,
) -> ExecutionPage:
    """`wave` is the position of the wave whose servers are paged through, at `page`; the others show their first.
    `offered`: the names of the commands that the reader may press."""
    execution = rows.execution
    servers = [server for one in rows.waves for server in rows.servers.get(one.pk, ())]
    parts = shares([server.status for server in servers])
    done = sum(part.number for part in parts if part.tone is Tone.GOOD)
    steps = [step for one in rows.waves for step in rows.steps.get(one.pk, ())]
    failed = failures(rows.waves, rows.servers, rows.steps)
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
    return ExecutionPage(
        badge=execution_badge(execution.status),
        cleanup=cleanup_badge(execution.cleanup_status),
        refresh_seconds=_refresh_seconds(execution),
        headline=headline(execution, rows.waves, done, len(servers)),
        review=_review(execution),
        took=took(execution.started_at, execution.finished_at, now),
        now=now,
        meters=tuple(
            meter for meter in (rto_meter(execution, now), end_meter(execution, now), rpo_meter(execution)) if meter
        ),
        total=len(servers),
        done=done,
        percent=100 * done // len(servers) if servers else 0,
        shares=parts,
        failures=failed,
        needs=needs(rows, monitor, failed, facts=facts, offered=offered, now=now),
        steps=next_steps(execution, servers, open_launches=rows.open_launches, replaced=len(rows.replaced)),
        why=purpose_card(purpose_of(execution)),
        split=split_lines(execution, servers, steps, monitor.turns, now),
        timeline=_timeline(rows, monitor, now),
        late=late_alarm(execution, rows.late),
        approvals=tuple((approval, approval_badge(approval.approved)) for approval in rows.approvals),
        approvals_given=sum(1 for approval in rows.approvals if approval.approved) - len(rows.lapsed),
        lapsed=rows.lapsed,
        picture=_picture(cards),
        waves=cards,
        groups=_groups(cards),
        events=event_lines(rows.events, execution.requested_at),
        event_page=rows.event_page,
        event_pages=rows.event_pages,
        newer_events=rows.event_page - 1,
        older_events=rows.event_page + 1 if rows.event_page < rows.event_pages else 0,
    )


def _timeline(rows: ExecutionRows, monitor: MonitorRows, now: datetime) -> Timeline | None:
    planned, critical = expected_waves(rows.execution, rows.waves)
    return timeline(
        rows.execution,
        rows.waves,
        rows.servers,
        rows.steps,
        usual=monitor.usual,
        now=now,
        planned=planned,
        critical=critical,
    )


def _groups(cards: Sequence[WaveCard]) -> tuple[WaveGroup, ...]:
    """A wave with a failure is not over for whoever has to retry it."""
    places: dict[str, list[int]] = {"Running": [], "With failures": [], "To come": [], "Over": []}
    for card in cards:
        status = card.wave.status
        if status in WAVE_ACTIVE:
            place = "Running"
        elif card.retryable:
            place = "With failures"
        else:
            place = "Over" if status in WAVE_FINAL else "To come"
        places[place].append(card.wave.position)
    return tuple(WaveGroup(title, tuple(positions)) for title, positions in places.items() if positions)


def headline(execution: Execution, waves: Sequence[WaveRun], done: int, total: int) -> str:
    """Where it stands, in one sentence."""
    status = ExecutionStatus(execution.status)
    if status not in EXECUTION_ACTIVE:
        return execution.outcome or f"{execution_badge(status).text.capitalize()}."
    if status is ExecutionStatus.AWAITING_APPROVAL:
        return "Waiting for approval: nothing has been launched yet."
    busy = [wave.name for wave in waves if wave.status in ("running", "waiting")]
    doing = {
        ExecutionStatus.PAUSED: "Paused",
        ExecutionStatus.CANCELLING: "Cancelling",
    }.get(status, f"In progress: {', '.join(busy)}" if busy else "Running")
    return f"{doing}. {done} of {count(total, 'server')} launched."


def _refresh_seconds(execution: Execution) -> float:
    if execution.status in EXECUTION_ACTIVE or execution.cleanup_status == CleanupStatus.RUNNING:
        return float(settings.DRSORCH_REFRESH_SECONDS)
    return 30 if execution.cleanup_status == CleanupStatus.SCHEDULED else 0


def _review(execution: Execution) -> str:
    if execution.reviewed_at is None:
        return ""
    return f"Reviewed by {execution.reviewed_by_name}, {clock(execution.reviewed_at)}: {execution.review_comment}"


def _picture(cards: Sequence[WaveCard]) -> Picture:
    nodes = [
        Node(
            name=card.wave.name,
            # Beside “partially succeeded” there is no room for more.
            note=f"{card.done}/{card.total}" if card.total < _MANY else f"{card.percent} %",
            spoken=f"{card.done} of {card.total} launched",
            badge=card.badge,
            percent=card.percent,
        )
        for card in cards
    ]
    return draw([tuple(card.wave.depends_on) for card in cards], nodes)
