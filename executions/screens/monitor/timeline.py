"""The timeline as the page shows it: waves, their steps and servers, each a name beside its bars."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from executions.core.monitor.lateness import Usual
from executions.core.monitor.timeline import (
    NARROW,
    WIDE,
    Bar,
    Doing,
    Frame,
    Mark,
    Planned,
    Span,
    frame_of,
    server_spans,
    step_spans,
    wave_spans,
)
from executions.core.states import (
    SERVER_RETRIABLE,
    WAVE_ACTIVE,
    WAVE_FINAL,
    Phase,
    ServerStatus,
    StepStatus,
    WaveStatus,
)
from executions.models import Execution, ServerRun, StepRun, WaveRun
from executions.samples import KeptForecast
from executions.screens.forecasts.card import CRITICAL_FROM
from executions.screens.words import between, duration, server_badge, step_badge, took, wave_badge
from executions.selectors import latest_forecast
from foundation.wording import Badge, Tone, clock, count
from plans.core.steps import StepKind, StepWhen

#: A wave with more servers is folded: a bar and counts, and below it what failed.
FOLD = 8
#: Servers of a wave shown at once.
_MOST = 25
#: Beyond what is known, there is room for this share of it; and a launch of which nothing is known may take so long.
_ROOM = 0.15
_FIRST = timedelta(minutes=10)
_ROW = (
    '<div class="is-row" data-tone="{}"><span class="is-label"><span class="is-name">{}</span> '
    '<span class="is-what">{}{}{}</span></span>{}</div>'
)
_WORDS = {
    Doing.WAITING: "waiting",
    Doing.ASKED: "starting",
    Doing.CLEANUP: "clean-up",
    Doing.SNAPSHOT: "snapshot",
    Doing.CONVERSION: "conversion",
    Doing.LAUNCH: "launch",
    Doing.POST_LAUNCH: "post-launch",
    Doing.RUNNING: "running",
    Doing.SUCCEEDED: "succeeded",
    Doing.PARTLY: "partially succeeded",
    Doing.FAILED: "failed",
    Doing.LEFT: "not finished",
}
#: Colours that the reader has to be told, in the order of a launch.
_LEGEND = (Doing.WAITING, Doing.ASKED, *(Doing(phase) for phase in Phase))
#: What moves stands before what waits and what is done.
_ORDER = (ServerStatus.LAUNCHING, ServerStatus.QUEUED, ServerStatus.LAUNCHED, ServerStatus.TERMINATED)


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """A server or a step. `what`: how it stands, in words; `spoken`: the bars, in words."""

    id: str
    name: str
    what: str
    took: str
    tone: Tone
    spans: tuple[Span, ...]
    spoken: str


@dataclass(frozen=True, slots=True)
class TimelineWave:
    position: int
    name: str
    badge: Badge
    what: str
    took: str
    spans: tuple[Span, ...]
    planned: Planned | None
    #: The forecast says that the end of the execution depends on it.
    critical: bool
    #: In the order in which they ran: steps before, servers, steps after.
    rows: tuple[TimelineRow, ...]
    #: What failed, and steps that wait for a person: shown whether or not the wave is folded.
    always: tuple[TimelineRow, ...]
    #: What is not shown, in words.
    rest: str
    #: Unfolded when the page is first seen.
    open: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    frame: Frame
    waves: tuple[TimelineWave, ...]
    marks: tuple[Mark, ...]
    #: Where the RTO target is, in percent; None if it is not in the frame.
    target: float | None
    legend: tuple[tuple[Doing, str], ...]
    running: bool
    now: datetime

    @property
    def expects(self) -> bool:
        return any(wave.planned for wave in self.waves)

    @property
    def now_at(self) -> float:
        return self.frame.place(self.now)

    def shows(self) -> object:
        """What changes it, apart from the waves; time alone does not."""
        names = [(wave.position, wave.name) for wave in self.waves]
        return self.frame, self.target, self.running, self.legend, self.expects, names


@dataclass(frozen=True, slots=True)
class DrawnWave:
    """A wave of the timeline, drawn when its template asks for it."""

    timeline: Timeline
    wave: TimelineWave

    @property
    def bars(self) -> SafeString:
        wave = self.wave
        said = f"{wave.name}: {_spoken(wave.spans) or wave.badge.text}"
        behind = _expected(self.timeline.frame, wave.planned) if wave.planned else ""
        if wave.planned:
            likely, latest = (clock(at, at) for at in (wave.planned.p50, wave.planned.p95))
            said += f". Expected to end at {likely} UTC, at {latest} at the latest"
        return self._svg(wave.spans, said, 22, behind)

    @property
    def rows(self) -> SafeString:
        return self._drawn(self.wave.rows)

    @property
    def always(self) -> SafeString:
        return self._drawn(self.wave.always)

    def _drawn(self, rows: Iterable[TimelineRow]) -> SafeString:
        """There may be hundreds: a template for each would take several times as long."""
        drawn = (
            (row.tone, row.name, row.what, " · " if row.took else "", row.took, self._svg(row.spans, row.spoken, 16))
            for row in rows
        )
        return format_html_join("", _ROW, drawn)

    def _svg(self, spans: Iterable[Span], said: str, height: int, behind: str = "") -> SafeString:
        bars = [self.timeline.frame.bar(span, self.timeline.now) for span in spans]
        drawn = behind + "".join(_bar(bar, 16 if behind else height) for bar in bars)
        if not drawn:
            return SafeString()
        return format_html(
            '<svg role="img" width="100%" height="{}"><title>{}</title>{}</svg>',
            height,
            said,
            mark_safe(drawn),  # noqa: S308 # numbers, and words of ours
        )


def expected_waves(execution: Execution, waves: Iterable[WaveRun]) -> tuple[dict[int, Planned], set[int]]:
    """By position, when each wave is expected to run, of one that is over: was, when the execution began; and those
    that its end depends on. Nothing where there is no forecast."""
    kept: KeptForecast | None = getattr(execution, "forecast", None)
    if kept is None or execution.started_at is None:
        return {}, set()
    first, latest = kept.at_start or {}, latest_forecast(execution) or kept.at_start or {}
    before = {told["name"]: told for told in first.get("waves", ())}
    now = {told["name"]: told for told in latest.get("waves", ())}
    planned, critical = {}, set()
    for wave in waves:
        told = (before if wave.status in WAVE_FINAL else now).get(wave.name)
        if told is not None:
            planned[wave.position] = _planned(execution.started_at, told, grain=latest["finish"]["p95_seconds"] / 100)
        if wave.name in now and now[wave.name]["critical_share"] >= CRITICAL_FROM:
            critical.add(wave.position)
    return planned, critical


def _planned(start: datetime, told: Mapping[str, Any], *, grain: float) -> Planned:
    """Rounded to what can be seen: a forecast that is made anew differs by seconds, and is drawn as it was."""

    def at(seconds: float) -> datetime:
        return start + timedelta(seconds=round(round(seconds / grain) * grain) if grain else seconds)

    begin, finish = told["start"]["p50_seconds"], told["finish"]
    p50 = max(begin, finish["p50_seconds"])
    return Planned(at(begin), at(p50), at(max(p50, finish["p95_seconds"])))


def timeline(
    execution: Execution,
    waves: Sequence[WaveRun],
    servers: Mapping[int, Sequence[ServerRun]],
    steps: Mapping[int, Sequence[StepRun]],
    *,
    usual: Mapping[int, Usual],
    now: datetime,
    planned: Mapping[int, Planned] | None = None,
    critical: Collection[int] = (),
) -> Timeline | None:
    """None before it started. `planned`: by position of the wave, what was expected; `critical`: the positions of the
    waves on the critical path."""
    if execution.started_at is None:
        return None
    running = execution.finished_at is None
    expected = planned or {}
    target = execution.started_at + timedelta(seconds=execution.rto_target_seconds or 0)
    frame = _frame(
        execution,
        target,
        rows=[*waves, *(row for by_wave in (servers, steps) for of_wave in by_wave.values() for row in of_wave)],
        usual=usual,
        planned=expected.values(),
        now=now if running else None,
    )
    lines = tuple(
        _wave(
            wave,
            servers.get(wave.pk, ()),
            steps.get(wave.pk, ()),
            now,
            planned=expected.get(wave.position),
            critical=wave.position in critical,
        )
        for wave in waves
    )
    seen = {span.doing for line in lines for row in (*line.rows, *line.always) for span in row.spans}
    return Timeline(
        frame=frame,
        waves=lines,
        marks=frame.marks(),
        target=frame.place(target) if execution.rto_target_seconds and target <= frame.end else None,
        legend=tuple((doing, _WORDS[doing]) for doing in _LEGEND if doing in seen),
        running=running,
        now=now,
    )


def _frame(
    execution: Execution,
    target: datetime,
    *,
    rows: Sequence[WaveRun | ServerRun | StepRun],
    usual: Mapping[int, Usual],
    planned: Iterable[Planned],
    now: datetime | None,
) -> Frame:
    """All that is known, what is expected, and the target if it is not far beyond that. `now` while it runs."""
    start = execution.started_at or execution.requested_at
    known = [at for row in rows for at in (row.started_at, row.finished_at) if at is not None]
    until = max([start, *known, *([execution.finished_at] if execution.finished_at else [])])
    if now is not None:
        for row in rows:
            if isinstance(row, ServerRun) and row.status == ServerStatus.LAUNCHING and row.started_at:
                takes = timedelta(seconds=usual[row.pk].seconds) if row.pk in usual else _FIRST
                until = max(until, row.started_at + takes)
        until += (until - start) * _ROOM
    until = max([until, *(one.p95 for one in planned)])
    if until < target <= start + 2 * (until - start):
        until = target
    return frame_of(start, until, now)


def _wave(
    wave: WaveRun,
    servers: Sequence[ServerRun],
    steps: Sequence[StepRun],
    now: datetime,
    *,
    planned: Planned | None,
    critical: bool,
) -> TimelineWave:
    status = WaveStatus(wave.status)
    ordered = sorted(servers, key=lambda row: (_ORDER.index(row.status) if row.status in _ORDER else -1, row.position))
    failed = [row for row in ordered if row.status in SERVER_RETRIABLE]
    others = [row for row in ordered if row.status in _ORDER]
    urgent = [step for step in steps if _is_urgent(step)]
    calm = [step for step in steps if not _is_urgent(step)]
    rows = [
        *(_step(step, now) for step in calm if step.when == StepWhen.BEFORE),
        *(_server(row, now) for row in others[:_MOST]),
        *(_step(step, now) for step in calm if step.when != StepWhen.BEFORE),
    ]
    always = [*(_step(step, now) for step in urgent), *(_server(row, now) for row in failed[:_MOST])]
    hidden = len(failed) - len(failed[:_MOST]), len(others) - len(others[:_MOST])
    return TimelineWave(
        position=wave.position,
        name=wave.name,
        badge=wave_badge(wave.status),
        what=_counts(servers),
        took=took(wave.started_at, wave.finished_at, now),
        spans=wave_spans(status, ready_at=wave.ready_at, started_at=wave.started_at, finished_at=wave.finished_at),
        planned=planned,
        critical=critical,
        rows=tuple(row for row in rows if row.spans),
        always=tuple(row for row in always if row.spans),
        rest=_rest(*hidden),
        open=len(servers) <= FOLD and status in {*WAVE_ACTIVE, WaveStatus.FAILED, WaveStatus.PARTIALLY_SUCCEEDED},
    )


def _is_urgent(step: StepRun) -> bool:
    waits = step.kind == StepKind.APPROVAL and step.status == StepStatus.RUNNING
    return waits or step.status == StepStatus.FAILED


def _counts(servers: Sequence[ServerRun]) -> str:
    """ "12 launched, 2 failed, 10 launching": what there is, the most important first."""
    if not servers:
        return "no servers"
    counts = Counter(server.status for server in servers)
    done = counts.pop(ServerStatus.LAUNCHED, 0) + counts.pop(ServerStatus.TERMINATED, 0)
    if done == len(servers):
        return f"{count(done, 'server')} launched"
    if counts[ServerStatus.PENDING] == len(servers):
        return count(len(servers), "server")
    told = [f"{counts[status]} {server_badge(status).text}" for status in ServerStatus if counts[status]]
    return ", ".join([f"{done} of {len(servers)} launched", *told])


def _rest(failed: int, others: int) -> str:
    told = [f"{failed} more failed"] if failed else []
    told += [f"{others} more {'server' if others == 1 else 'servers'}"] if others else []
    return f"And {' and '.join(told)}: see the wave below." if told else ""


def _server(server: ServerRun, now: datetime) -> TimelineRow:
    status = ServerStatus(server.status)
    spans = server_spans(
        status,
        queued_at=server.queued_at,
        started_at=server.started_at,
        finished_at=server.finished_at,
        phase_times=_times(server.phase_times),
    )
    badge = server_badge(status)
    what = badge.text
    if spans and status is ServerStatus.LAUNCHING:
        what = _WORDS[spans[-1].doing]
    elif status in SERVER_RETRIABLE and server.phase in list(Phase):
        what = f"{badge.text} in {_WORDS[Doing(server.phase)]}"
    started = server.queued_at if status is ServerStatus.QUEUED else server.started_at
    return TimelineRow(
        id=f"server-{server.pk}",
        name=str(server),
        what=what,
        took=took(started, server.finished_at, now) if spans else "",
        tone=badge.tone,
        spans=spans,
        spoken=f"{server}: {badge.text}. {_spoken(spans)}",
    )


def _times(written: Mapping[str, str]) -> dict[str, datetime]:
    return {phase: datetime.fromisoformat(written[phase]) for phase in Phase if phase in written}


def _step(step: StepRun, now: datetime) -> TimelineRow:
    waits = step.kind == StepKind.APPROVAL
    badge = step_badge(step.status, waits_for_person=waits)
    spans = step_spans(
        StepStatus(step.status), started_at=step.started_at, finished_at=step.finished_at, waits_for_person=waits
    )
    return TimelineRow(
        id=f"step-{step.pk}",
        name=step.name,
        what=badge.text,
        took=took(step.started_at, step.finished_at, now),
        tone=badge.tone,
        spans=spans,
        spoken=f"Step {step.name}: {badge.text}. {_spoken(spans)}",
    )


# --- in words, and in SVG -----------------------------------------------------------------------------------------


def _spoken(spans: Iterable[Span]) -> str:
    """ "waiting 12 s, snapshot 3 s, conversion until now"."""
    return ", ".join(
        f"{_WORDS[span.doing]} {duration(between(span.start, span.end)) if span.end else 'until now'}" for span in spans
    )


def _bar(bar: Bar, height: int) -> str:
    word = _WORDS[bar.doing]
    grows = " data-grows" if bar.grows else ""
    place = f'x="{bar.x:g}%" y="1" width="{bar.width:g}%" height="{height - 2}"'
    drawn = f'<rect data-doing="{bar.doing}" {place} rx="2"{grows}/>'
    if not bar.fits(word, WIDE):
        return drawn
    wide = "" if bar.fits(word, NARROW) else ' class="is-wide"'
    return f'{drawn}<text x="{bar.x:g}%" dx="4" y="{height // 2 + 4}"{wide}>{word}</text>'


def _expected(frame: Frame, planned: Planned) -> str:
    """Thin below the bar: until the likely end, and on to the latest one."""
    likely = frame.bar(Span(Doing.WAITING, planned.start, planned.p50), planned.p50)
    late = replace(likely, x=likely.x + likely.width, width=frame.place(planned.p95) - likely.x - likely.width)
    return "".join(
        f'<rect data-doing="{name}" x="{bar.x:g}%" y="17" width="{max(bar.width, 0):g}%" height="4"/>'
        for name, bar in (("expected", likely), ("latest", late))
    )
