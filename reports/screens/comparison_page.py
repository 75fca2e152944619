"""Two runs of a plan as their page shows them: every table has a line for each thing, and a column for each run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from executions.core.monitor.timeline import Bar, Doing, Mark
from executions.screens.words import duration, execution_badge, kind_badge, server_badge, step_badge, wave_badge
from foundation.durations import exact
from foundation.wording import Badge, Tone, count, listing, short
from plans.purpose import SCENARIOS
from plans.screens.revisions import diff_lines, diff_sentences
from reports.core.elapsed import elapsed_frame, place_after, targets_of, wave_bars

SIDES: Final = ("one", "other")
#: Servers that are seen without a press.
_SEEN: Final = 20
_NOTHING: Final = "–"
_ABSENT: Final = "not in this run"
_DOING: Final = {
    Doing.WAITING: "waiting",
    Doing.RUNNING: "running",
    Doing.SUCCEEDED: "succeeded",
    Doing.PARTLY: "partially succeeded",
    Doing.FAILED: "failed",
    Doing.LEFT: "not finished",
}
_OBJECTIVES: Final = {
    "rto": "RTO",
    "rto_validated": "RTO to the confirmation that the application works",
    "rpo": "RPO",
    "mtpd": "MTPD",
}
_SPENT: Final = {
    "run_seconds": "The whole run",
    "deciding_seconds": "Deciding, before the start",
    "waiting_for_people_seconds": "Waiting for people",
    "machine_seconds": "The machine’s own work",
}
_NUMBERS: Final = {
    "servers": "Servers",
    "servers_launched": "Servers launched",
    "steps_failed": "Steps failed",
    "deviations": "Deviations",
    "findings": "Findings",
}
_DID: Final = {
    "requested": "Requested it",
    "approved": "Approved it",
    "rejected": "Rejected it",
    "acted": "Acted",
    "looked_on": "Looked on",
    "signed_off": "Signed it off",
}
_SETTINGS: Final = {
    "kind": "Kind",
    "plan_revision": "Revision of the plan",
    "point_in_time": "Point in time",
    "scenario_type": "Scenario",
    "approvals_required": "Approvals required",
    "break_glass": "Break-glass",
    "business_owner": "Business owner",
    "cleanup_after_seconds": "Clean-up planned after",
    "sites": "Sites",
    "tool_version": "Version of drsorch",
}


@dataclass(frozen=True, slots=True)
class Line:
    """`about`: below each of the four, in small."""

    name: str
    one: str
    other: str
    difference: str = ""
    tone: Tone = Tone.NEUTRAL
    about: tuple[str, str, str, str] = ("", "", "", "")


@dataclass(frozen=True, slots=True)
class Table:
    #: What the lines are of, and the other run.
    first: str
    label: str
    lines: Sequence[Line]

    def __bool__(self) -> bool:
        return bool(self.lines)

    @property
    def differs(self) -> bool:
        """True if it has a column of differences."""
        return any(line.difference for line in self.lines)

    @property
    def rows(self) -> SafeString:
        """There may be hundreds: a template for each would take several times as long."""
        labels = ("", "This run", self.label, "Difference")
        return format_html_join("", "<tr>{}{}{}{}</tr>", (self._cells(line, labels) for line in self.lines))

    def _cells(self, line: Line, labels: Sequence[str]) -> Iterator[SafeString]:
        yield format_html('<td class="is-strong">{}{}</td>', line.name, _quiet(line.about[0]))
        for text, about, label in zip((line.one, line.other), line.about[1:], labels[1:], strict=False):
            yield format_html('<td data-label="{}">{}{}</td>', label, text, _quiet(about))
        if not self.differs:
            yield SafeString()
        else:
            yield format_html(
                '<td class="is-difference" data-tone="{}" data-label="{}">{}{}</td>',
                line.tone, labels[3], line.difference or _NOTHING, _quiet(line.about[3]),
            )  # fmt: skip


def _quiet(text: str) -> SafeString:
    return format_html('<span class="dr-quiet">{}</span>', text) if text else SafeString()


@dataclass(frozen=True, slots=True)
class Side:
    """One of the runs. `label`: its day, with the time where both are of one day."""

    execution_id: str
    label: str
    kind: Badge
    status: Badge
    requested: str
    reason: str
    outcome: str


@dataclass(frozen=True, slots=True)
class WaveSide:
    label: str
    what: str
    bars: Sequence[Bar]
    spoken: str


@dataclass(frozen=True, slots=True)
class ComparedWave:
    name: str
    difference: str
    sides: tuple[WaveSide, WaveSide]


@dataclass(frozen=True, slots=True)
class ComparedTimeline:
    marks: Sequence[Mark]
    #: Where the RTO targets are, in percent.
    targets: Sequence[float]
    waves: Sequence[ComparedWave]
    legend: Sequence[tuple[Doing, str]]


@dataclass(frozen=True, slots=True)
class ComparisonPage:
    one: Side
    other: Side
    verdict: str
    tone: Tone
    timeline: ComparedTimeline
    targets: Table
    settings: Table
    #: Of what waits for what, from the other run's revision to this one's.
    sentences: Sequence[str]
    waves: Table
    #: Those that differ most.
    servers: Table
    #: The rest, folded; and what they are, in words.
    more_servers: Table
    more_words: str
    steps: Table
    people: Table
    deviations: Table


def comparison_page(comparison: Mapping[str, Any]) -> ComparisonPage:
    labels = _labels(comparison)

    def table(first: str, lines: Iterable[Line]) -> Table:
        return Table(first, labels[1], tuple(lines))

    servers, different = [_server(pair) for pair in comparison["servers"]], _different(comparison["servers"])
    seen = min(different, _SEEN)
    changed = comparison["plan_changes"]
    return ComparisonPage(
        one=_side(comparison["one"], labels[0]),
        other=_side(comparison["other"], labels[1]),
        verdict=comparison["verdict"]["sentence"],
        tone=_tone(comparison["verdict"]["difference"]),
        timeline=_timeline(comparison, labels),
        targets=table("What", [*_targets(comparison), *_spent(comparison), *_numbers(comparison)]),
        settings=table("Setting", [*_settings(comparison), *_changed(changed)]),
        sentences=diff_sentences(changed),
        waves=table("Wave", map(_wave, comparison["waves"])),
        servers=table("Server", servers[:seen]),
        more_servers=table("Server", servers[seen:]),
        more_words=_more(different - seen, len(servers) - different),
        steps=table("Step", map(_step, comparison["steps"])),
        people=table("What they did", map(_did, comparison["people"])),
        deviations=table("Kind", (_counted(one["kind"].capitalize(), one) for one in comparison["deviations"])),
    )


def _different(servers: Sequence[Mapping[str, Any]]) -> int:
    return sum(1 for pair in servers if pair["differs"])


def _more(different: int, alike: int) -> str:
    """ "12 more servers that differ, and 280 servers as before"."""
    told = [f"{count(different, 'more server')} that {'differs' if different == 1 else 'differ'}"] if different else []
    told += [f"{count(alike, 'server')} without a difference of a minute or more"] if alike else []
    return ", and ".join(told)


# --- the runs -----------------------------------------------------------------------------------------------------


def _labels(comparison: Mapping[str, Any]) -> tuple[str, str]:
    first, second = (
        datetime.fromisoformat(comparison[side]["started_at"] or comparison[side]["requested_at"]).astimezone(UTC)
        for side in SIDES
    )
    form = "%-d %b %Y %H:%M:%S" if first.date() == second.date() else "%-d %b %Y"
    return f"{first:{form}}", f"{second:{form}}"


def _side(head: Mapping[str, Any], label: str) -> Side:
    requested = datetime.fromisoformat(head["requested_at"]).astimezone(UTC)
    return Side(
        execution_id=head["execution_id"],
        label=label,
        kind=kind_badge(head["kind"]),
        status=execution_badge(head["status"]),
        requested=f"{requested:%-d %b %Y %H:%M} UTC",
        reason=head["reason"] or "",
        outcome=head["outcome"] or "",
    )


def _tone(difference: int | None) -> Tone:
    if not difference:
        return Tone.NEUTRAL
    return Tone.GOOD if difference < 0 else Tone.WARN


# --- the timelines ------------------------------------------------------------------------------------------------


def _timeline(comparison: Mapping[str, Any], labels: Sequence[str]) -> ComparedTimeline:
    frame = elapsed_frame(comparison)
    waves = []
    seen: set[Doing] = set()
    for pair in comparison["waves"]:
        sides = []
        for side, label in zip(SIDES, labels, strict=True):
            bars = wave_bars(frame, pair[side], comparison[side]["now_after_seconds"])
            seen |= {bar.doing for bar in bars}
            what = _bar_words(pair[side])
            sides.append(WaveSide(label, what, bars, f"{pair['name']}, {label}: {what}"))
        waves.append(ComparedWave(pair["name"], _took(pair["difference"]["seconds"]), (sides[0], sides[1])))
    targets = {place_after(frame, target) for target in targets_of(comparison) if target and _fits(frame, target)}
    legend = [(doing, word) for doing, word in _DOING.items() if doing in seen]
    return ComparedTimeline(frame.marks(), sorted(targets), waves, legend)


def _bar_words(wave: Mapping[str, Any] | None) -> str:
    return _ABSENT if wave is None else _lasted(wave_badge(wave["status"]).text, wave["seconds"])


def _fits(frame: Any, target: int) -> bool:
    return bool(target <= (frame.end - frame.start).total_seconds())


# --- lines --------------------------------------------------------------------------------------------------------


def _time(seconds: int | None) -> str:
    return _NOTHING if seconds is None else duration(seconds)


def _took(difference: int | None) -> str:
    """ "4 min less"."""
    if difference is None:
        return ""
    return f"{duration(abs(difference))} {'less' if difference < 0 else 'more'}" if difference else "the same"


def _targets(comparison: Mapping[str, Any]) -> Iterator[Line]:
    for name, words in _OBJECTIVES.items():
        held = comparison["objectives"][name]
        # What nobody asked for, or nobody measured, is left out; RTO and RPO never are.
        known = [any(held[side][f"{part}_seconds"] is not None for side in SIDES) for part in ("target", "actual")]
        if name in ("rto", "rpo") or all(known):
            one, other = (_held(held[side]) for side in SIDES)
            yield Line(words, one, other, _took(held["difference"]), _tone(held["difference"]))


def _held(held: Mapping[str, Any]) -> str:
    actual, target = held["actual_seconds"], held["target_seconds"]
    measured = "not measured" if actual is None else duration(actual)
    if target is None:
        return f"{measured}, no target"
    verdict = {None: "target", True: "met the target of", False: "missed the target of"}[held["met"]]
    return f"{measured}, {verdict} {exact(target)}"


def _spent(comparison: Mapping[str, Any]) -> Iterator[Line]:
    for name, words in _SPENT.items():
        pair = comparison["spent"][name]
        if pair["one"] or pair["other"]:
            difference = pair["difference"]
            yield Line(words, _time(pair["one"]), _time(pair["other"]), _took(difference), _tone(difference))


def _numbers(comparison: Mapping[str, Any]) -> Iterator[Line]:
    for name, words in _NUMBERS.items():
        yield _counted(words, comparison["numbers"][name])


def _counted(words: str, pair: Mapping[str, Any]) -> Line:
    difference = pair["difference"]
    return Line(words, str(pair["one"]), str(pair["other"]), _number(difference))


def _number(difference: int) -> str:
    return f"{abs(difference)} {'fewer' if difference < 0 else 'more'}" if difference else "the same"


def _settings(comparison: Mapping[str, Any]) -> Iterator[Line]:
    for setting in comparison["settings"]:
        name = setting["name"]
        yield Line(_SETTINGS[name], _set(name, setting["one"]), _set(name, setting["other"]))


def _changed(changes: Sequence[Mapping[str, Any]]) -> Iterator[Line]:
    """Of the plan: what it is now stands in the column of this run."""
    return (Line(one.where, one.after, one.before) for one in diff_lines(changes))


def _did(people: Mapping[str, Any]) -> Line:
    one, other = (listing(people[side], None) or _NOTHING for side in SIDES)
    return Line(_DID[people["did"]], one, other, "other people" if people["differs"] else "the same")


def _set(name: str, value: Any) -> str:  # noqa: PLR0911 # one for each kind of value
    match name, value:
        case "point_in_time", None:
            return "the latest state"
        case "point_in_time", str():
            return f"{datetime.fromisoformat(value).astimezone(UTC):%-d %b %Y %H:%M:%S} UTC"
        case "cleanup_after_seconds", int():
            return exact(value)
        case "scenario_type", str():
            return dict(SCENARIOS).get(value, value)
        case _, bool():
            return "yes" if value else "no"
        case _, list():
            return ", ".join(value) or _NOTHING
        case _, None | "":
            return _NOTHING
        case _:
            return str(value)


def _wave(pair: Mapping[str, Any]) -> Line:
    def about(wave: Mapping[str, Any]) -> str:
        launched = f"{wave['launched']} of {count(wave['servers'], 'server')}" if wave["servers"] else ""
        return _joined(_when(wave), launched)

    return _line(pair, lambda wave: wave_badge(wave["status"]).text, about)


def _server(pair: Mapping[str, Any]) -> Line:
    def about(server: Mapping[str, Any]) -> str:
        wave = f"in {server['wave']}" if "wave" in pair["differs"] else ""
        attempts = count(server["attempts"], "attempt") if "attempts" in pair["differs"] else ""
        return _joined(_when(server), wave, attempts, short(server["error"] or "", 160))

    return _line(pair, lambda server: server_badge(server["status"]).text, about)


def _step(pair: Mapping[str, Any]) -> Line:
    def about(step: Mapping[str, Any]) -> str:
        return _joined(_when(step), short(step["error"] or "", 160))

    return _line(pair, lambda step: step_badge(step["status"]).text, about)


_Words = Callable[[Mapping[str, Any]], str]


def _line(pair: Mapping[str, Any], status: _Words, about: _Words) -> Line:
    """Of a wave, a server or a step."""
    sides = [pair[side] for side in SIDES]
    words = [_lasted(status(part), part["seconds"]) if part else _ABSENT for part in sides]
    took, tone = _took(pair["difference"]["seconds"]), _tone(pair["difference"]["seconds"])
    moved = _moved(pair["difference"])
    if None in sides:
        said, tone = ("only in this run" if sides[0] else "not in this run"), Tone.WARN
    elif "status" in pair["differs"]:
        said, tone = f"{status(sides[0])}, not {status(sides[1])}", Tone.WARN
        moved = _joined(took, moved)
    else:
        said = took
    there = next(part for part in sides if part)
    one, other = (about(part) if part else "" for part in sides)
    below = (there.get("wave") or pair.get("wave") or "", one, other, moved)
    return Line(pair["name"], words[0], words[1], said, tone, below)


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def _lasted(status: str, seconds: int | None) -> str:
    """ "launched in 7 min 9 s", "waiting"."""
    return f"{status}, {duration(seconds)}" if seconds is not None else status


def _when(part: Mapping[str, Any]) -> str:
    """ "10 min to 17 min 9 s"."""
    started, finished = part["started_after_seconds"], part["finished_after_seconds"]
    if started is None:
        return ""
    return f"from {_time(started)} on" if finished is None else f"{_time(started)} to {_time(finished)}"


def _moved(difference: Mapping[str, int | None]) -> str:
    """ "started 2 min earlier, finished 5 min earlier"."""
    said = []
    for name in ("started", "finished"):
        if by := difference[f"{name}_after_seconds"]:
            said.append(f"{name} {duration(abs(by))} {'earlier' if by < 0 else 'later'}")
    return ", ".join(said)
