"""Waves and their servers, as the execution page shows them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from executions.core.states import (
    SERVER_RETRIABLE,
    SERVER_SKIPPABLE,
    STEP_FINAL,
    WAVE_ACTIVE,
    Phase,
    ServerStatus,
    StepStatus,
    WaveStatus,
)
from executions.models import ServerRun, StepRun, WaveRun
from executions.screens.monitor.steps import StepLine, step_line
from executions.screens.words import between, duration, server_badge, took, wave_badge, wave_rules
from foundation.ticking import Ticking
from foundation.wording import Badge, Share, Tone, clock, count, listing, told_apart

#: Servers of a wave shown at once.
PAGE = 25

#: What a person looks for first stands first.
_URGENCY = {
    status: rank
    for rank, status in enumerate(
        (
            ServerStatus.FAILED,
            ServerStatus.UNKNOWN,
            ServerStatus.LAUNCHING,
            ServerStatus.QUEUED,
            ServerStatus.PENDING,
            ServerStatus.CANCELLED,
            ServerStatus.SKIPPED,
            ServerStatus.LAUNCHED,
            ServerStatus.TERMINATED,
        )
    )
}
_PHASES = list(Phase)
_PHASE_WORDS = {
    Phase.CLEANUP: "removing the earlier instance",
    Phase.SNAPSHOT: "taking a snapshot",
    Phase.CONVERSION: "converting",
    Phase.LAUNCH: "launching the instance",
    Phase.POST_LAUNCH: "post-launch actions",
}
_DONE = (ServerStatus.LAUNCHED, ServerStatus.TERMINATED)


@dataclass(frozen=True, slots=True)
class ServerRow:
    server: ServerRun
    badge: Badge
    #: What it does at this moment, in words; empty unless something is to be said.
    phase: str
    #: Phases behind it and the one it is in; 0 when none is known.
    step: int
    #: One for each phase: True if it is behind it, or the one it is in.
    dots: tuple[bool, ...]
    #: Age of its recovery point when the execution started.
    point_age: str
    took: str
    #: Why it failed or waits.
    trouble: str


@dataclass(frozen=True, slots=True)
class WaveCard:
    wave: WaveRun
    badge: Badge
    #: "after Databases", "at the start".
    after: str
    #: Its rules, in words.
    rules: str
    took: str
    note: str
    total: int
    done: int
    percent: int
    shares: tuple[Share, ...]
    summary: str
    steps_before: tuple[StepLine, ...]
    steps_after: tuple[StepLine, ...]
    rows: tuple[ServerRow, ...]
    page: int
    pages: int
    #: Pages beside this one; 0 where there is none.
    previous_page: int
    next_page: int
    first: int
    last: int
    #: Something failed that can be retried; something can still be skipped.
    retryable: bool
    skippable: bool
    #: Unfolded when the page is first seen.
    open: bool


@dataclass(frozen=True, slots=True)
class Failure:
    """Servers and steps that failed for the same reason."""

    reason: str
    servers: str
    wave: WaveRun


def server_row(server: ServerRun, started_at: datetime | None, now: datetime) -> ServerRow:
    """`started_at` is the execution's, against which the age of the recovery point counts."""
    phase, step = "", 0
    if server.status == ServerStatus.LAUNCHING:
        known = server.phase in list(Phase)
        phase = _PHASE_WORDS[Phase(server.phase)] if known else "waiting for DRS to start"
        step = _PHASES.index(Phase(server.phase)) + 1 if known else 0
    elif server.status == ServerStatus.QUEUED:
        phase = "waiting for DRS capacity at the site"
        if server.not_before and server.not_before > now:
            phase = f"retry at {clock(server.not_before, now)}"
    elif server.status == ServerStatus.FAILED and server.phase in list(Phase):
        phase = f"while {_PHASE_WORDS[Phase(server.phase)]}"
    age = between(server.recovery_point_at, started_at)
    return ServerRow(
        server=server,
        badge=server_badge(server.status),
        phase=phase,
        step=step,
        dots=tuple(index < step for index in range(len(_PHASES))),
        point_age=duration(max(0, age)) if age is not None else "",
        took=took(server.started_at, server.finished_at, now),
        trouble=server.trouble,
    )


def shares(statuses: Sequence[str]) -> tuple[Share, ...]:
    """The parts of a progress bar: done, failed, on the way, waiting, left out. Empty parts are left out."""
    counts = Counter(statuses)
    parts = (
        ("launched", Tone.GOOD, _DONE),
        ("failed", Tone.BAD, SERVER_RETRIABLE),
        ("launching", Tone.BUSY, (ServerStatus.LAUNCHING,)),
        ("queued", Tone.WARN, (ServerStatus.QUEUED,)),
        ("not launched", Tone.NEUTRAL, (ServerStatus.SKIPPED, ServerStatus.CANCELLED)),
    )
    found = []
    for text, tone, members in parts:
        number = sum(counts[str(status)] for status in members)
        if number:
            found.append(Share.of(len(statuses), text, number, tone))
    return tuple(found)


def wave_card(
    wave: WaveRun,
    servers: Sequence[ServerRun],
    steps: Sequence[StepRun],
    names: Mapping[int, str],
    *,
    started_at: datetime | None,
    now: datetime,
    page: int = 1,
    chosen: bool = False,
) -> WaveCard:
    """`names` are those of all waves, by position; `chosen`: somebody is turning its pages."""
    ordered = sorted(servers, key=lambda row: (_URGENCY[ServerStatus(row.status)], row.position))
    pages = max(1, -(-len(ordered) // PAGE))
    page = min(max(1, page), pages)
    shown = ordered[(page - 1) * PAGE : page * PAGE]
    parts = shares([row.status for row in servers])
    done = sum(1 for row in servers if row.status in _DONE)
    failed = any(row.status in SERVER_RETRIABLE for row in servers) or any(
        step.status == StepStatus.FAILED for step in steps
    )
    lines = [step_line(step, wave.name, now) for step in steps]
    status = WaveStatus(wave.status)
    return WaveCard(
        wave=wave,
        badge=wave_badge(wave.status),
        after=f"after {listing([names[need] for need in wave.depends_on])}" if wave.depends_on else "at the start",
        rules=wave_rules(wave),
        took=took(wave.started_at, wave.finished_at, now),
        note=_waiting_for(wave, names, now),
        total=len(servers),
        done=done,
        percent=100 * done // len(servers) if servers else 0,
        shares=parts,
        summary=_summary(done, len(servers), parts),
        steps_before=tuple(line for line in lines if line.before),
        steps_after=tuple(line for line in lines if not line.before),
        rows=tuple(server_row(row, started_at, now) for row in shown),
        page=page,
        pages=pages,
        previous_page=page - 1,
        next_page=page + 1 if page < pages else 0,
        first=(page - 1) * PAGE + 1 if shown else 0,
        last=(page - 1) * PAGE + len(shown),
        retryable=failed,
        skippable=_skippable(status, servers, steps),
        open=chosen or failed or status in WAVE_ACTIVE,
    )


def _skippable(status: WaveStatus, servers: Sequence[ServerRun], steps: Sequence[StepRun]) -> bool:
    untouched = status in (WaveStatus.PENDING, WaveStatus.WAITING, WaveStatus.CANCELLED)
    left = any(row.status in SERVER_SKIPPABLE for row in servers)
    return untouched or left or any(step.status not in STEP_FINAL or step.status == StepStatus.FAILED for step in steps)


def _waiting_for(wave: WaveRun, names: Mapping[int, str], now: datetime) -> str:
    if wave.status == WaveStatus.WAITING and wave.ready_at and wave.start_delay_seconds:
        starts_at = wave.ready_at + timedelta(seconds=wave.start_delay_seconds)
        return (
            Ticking.until(starts_at, now, before="Start delay: ", after=" left.") if starts_at > now else "Starts now."
        )
    if wave.status == WaveStatus.PENDING and wave.depends_on:
        return f"Starts after {listing([names[need] for need in wave.depends_on])}."
    return ""


def _summary(done: int, total: int, parts: Sequence[Share]) -> str:
    if not total:
        return "no servers"
    parts_in_words = [f"{done} of {count(total, 'server')} launched"]
    parts_in_words += [f"{part.number} {part.text}" for part in parts if part.tone is not Tone.GOOD]
    return ", ".join(parts_in_words)


def failures(
    waves: Sequence[WaveRun],
    servers: Mapping[int, Sequence[ServerRun]],
    steps: Mapping[int, Sequence[StepRun]],
) -> tuple[Failure, ...]:
    """Why servers and steps failed, the same reason in a wave said once; both by the id of their wave."""
    found: list[Failure] = []
    for wave in waves:
        reasons: dict[str, list[str]] = {}
        for step in steps.get(wave.pk, ()):
            if step.status == StepStatus.FAILED:
                reasons.setdefault(step.error or "No reason was given.", []).append(f"step {step.name}")
        names = told_apart({server.source_server_id: server.hostname for server in servers.get(wave.pk, ())})
        for server in servers.get(wave.pk, ()):
            if server.status in SERVER_RETRIABLE:
                name = names[server.source_server_id]
                reasons.setdefault(server.error or "No reason was given.", []).append(name)
        found += [Failure(reason, listing(failed), wave) for reason, failed in reasons.items()]
    return tuple(found)
