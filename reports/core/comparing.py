"""`compare(one, other)`: two runs of a plan beside each other, from their reports. Pure.

A difference is what `one` has more than `other`: below zero it was faster. Times are whole seconds from the start of a
run. What is not known of either has no difference.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from executions.core.states import ExecutionStatus
from foundation.durations import spoken
from reports.core.moments import seconds

FORMAT: Final = "drsorch-comparison-1"
#: A launch or a step is told apart from the other run's from so many seconds and this share of the longer one on.
_SECONDS: Final = 60
_PERCENT: Final = 10

Document = Mapping[str, Any]
#: A wave, server or step, by what it is known by in both runs: what it is, and how it went.
Parts = dict[tuple[str, ...], tuple[dict[str, Any], dict[str, Any]]]


def compare(one: Document, other: Document, changes: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """Both are documents of `core.evidence`. `changes`: of the plan from the other's revision to this one's, as
    `plans.core.differences` has them."""
    waves = _paired(one, other, _waves)
    objectives = _objectives(one, other)
    run = _beside(_run_seconds(one), _run_seconds(other))
    return {
        "format": FORMAT,
        "plan": one["identity"]["plan"],
        "one": _head(one),
        "other": _head(other),
        "verdict": _verdict(one, other, objectives, run, waves),
        "objectives": objectives,
        "spent": {"run_seconds": run, **_spent(one, other)},
        "numbers": _numbers(one, other),
        "waves": waves,
        "servers": sorted(_paired(one, other, _servers), key=_most_different_first),
        "steps": _paired(one, other, _steps),
        "people": _people(one, other),
        "settings": _settings(one, other),
        "plan_changes": [dict(change) for change in changes],
        "deviations": _counted(Counter(_kinds(one)), Counter(_kinds(other))),
    }


def _beside(one: int | None, other: int | None) -> dict[str, Any]:
    return {"one": one, "other": other, "difference": _less(one, other)}


def _less(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one - other


def _head(document: Document) -> dict[str, Any]:
    identity, timeline = document["identity"], document["timeline"]
    return {
        "execution_id": identity["execution_id"],
        "kind": identity["kind"],
        "status": identity["status"],
        "is_over": identity["is_over"],
        "plan_revision": identity["plan_revision"],
        "requested_at": timeline["requested_at"],
        "started_at": timeline["started_at"],
        "ended_at": timeline["ended_at"],
        "reason": document["why"]["reason"],
        "outcome": document["result"]["outcome"],
        # How far it had come when it was read, if it goes on.
        "now_after_seconds": None if identity["is_over"] else _after(document, document["made_at"]),
    }


# --- targets and numbers ------------------------------------------------------------------------------------------


def _objectives(one: Document, other: Document) -> dict[str, Any]:
    found = {}
    for name in ("rto", "rto_validated", "rpo", "mtpd"):
        sides = [
            {part: document["objectives"][name][part] for part in ("target_seconds", "actual_seconds", "met")}
            for document in (one, other)
        ]
        difference = _less(sides[0]["actual_seconds"], sides[1]["actual_seconds"])
        found[name] = {"one": sides[0], "other": sides[1], "difference": difference}
    return found


def _run_seconds(document: Document) -> int | None:
    """From its start to its end."""
    return _after(document, document["timeline"]["ended_at"])


def _spent(one: Document, other: Document) -> dict[str, Any]:
    names = ("deciding_seconds", "waiting_for_people_seconds", "machine_seconds")
    return {name: _beside(*(document["timeline"]["spent"][name] for document in (one, other))) for name in names}


def _numbers(one: Document, other: Document) -> dict[str, Any]:
    counts: dict[str, Callable[[Document], int]] = {
        "servers": lambda document: document["result"]["servers"]["total"],
        "servers_launched": lambda document: document["result"]["servers"]["launched"],
        "steps_failed": lambda document: document["result"]["steps_failed"],
        "deviations": lambda document: len(document["deviations"]),
        "findings": lambda document: len(document["findings"]),
    }
    return {name: _beside(number(one), number(other)) for name, number in counts.items()}


def _kinds(document: Document) -> Iterator[str]:
    return (deviation["kind"] for deviation in document["deviations"])


def _counted(one: Counter[str], other: Counter[str]) -> list[dict[str, Any]]:
    return [{"kind": kind, **_beside(one[kind], other[kind])} for kind in sorted(one | other)]


# --- what both consist of -----------------------------------------------------------------------------------------


def _after(document: Document, at: str | None) -> int | None:
    started = document["timeline"]["started_at"]
    return None if at is None or started is None else seconds(_moment(started), _moment(at))


def _moment(at: str) -> datetime:
    return datetime.fromisoformat(at)


def _paired(one: Document, other: Document, parts: Callable[[Document], Parts]) -> list[dict[str, Any]]:
    """Those of `one` in its order, then those that only `other` has; each with how it went in both."""
    ours, theirs = parts(one), parts(other)
    return [
        _pair((ours.get(key) or theirs[key])[0], *(side.get(key, (None, None))[1] for side in (ours, theirs)))
        for key in dict.fromkeys([*ours, *theirs])
    ]


def _pair(what: Mapping[str, Any], one: dict[str, Any] | None, other: dict[str, Any] | None) -> dict[str, Any]:
    numbers = [name for name in one or other or {} if name.endswith("seconds")]
    return {
        **what,
        "one": one,
        "other": other,
        "difference": {name: _less(one[name], other[name]) if one and other else None for name in numbers},
        "differs": _differs(one, other),
    }


def _waves(document: Document) -> Parts:
    return {
        (wave["name"],): (
            {"name": wave["name"]},
            {
                "status": wave["status"],
                "servers": wave["servers"],
                "launched": wave["launched"],
                "ready_after_seconds": _after(document, wave["ready_at"]),
                "started_after_seconds": _after(document, wave["started_at"]),
                "finished_after_seconds": _after(document, wave["finished_at"]),
                "seconds": wave["seconds"],
            },
        )
        for wave in document["timeline"]["waves"]
    }


def _servers(document: Document) -> Parts:
    """A source server is what its site says it is: its name may have changed between the runs."""
    return {
        (server["site"], server["source_server_id"]): (
            {
                "name": server["hostname"] or server["source_server_id"],
                "source_server_id": server["source_server_id"],
                "site": server["site"],
            },
            {
                "wave": server["wave"],
                **_how_it_went(document, server),
                "seconds": server["launch_seconds"],
                "recovery_point_age_seconds": server["recovery_point_age_seconds"],
            },
        )
        for server in document["servers"]
    }


def _steps(document: Document) -> Parts:
    return {
        (step["wave"], step["name"]): (
            {"wave": step["wave"], "name": step["name"]},
            {
                "kind": step["kind"],
                **_how_it_went(document, step),
                "seconds": step["seconds"],
            },
        )
        for step in document["steps"]
    }


def _how_it_went(document: Document, part: Mapping[str, Any]) -> Document:
    """Of a server or a step."""
    return {
        "status": part["status"],
        "attempts": part["attempts"],
        "error": part["error"],
        "started_after_seconds": _after(document, part["started_at"]),
        "finished_after_seconds": _after(document, part["finished_at"]),
    }


def _differs(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> list[str]:
    """The names of what differs; "presence" alone if only one run has it. Durations must be well apart (`_SECONDS`)."""
    if one is None or other is None:
        return ["presence"]
    told = [name for name in ("status", "wave", "kind", "attempts", "error") if one.get(name) != other.get(name)]
    difference = _less(one["seconds"], other["seconds"])
    if difference is not None:
        longer = max(one["seconds"], other["seconds"])
        if abs(difference) >= _SECONDS and 100 * abs(difference) >= _PERCENT * longer:
            told.append("seconds")
    return told


_GRAVE: Final = ("status", "presence", "error", "wave", "attempts", "kind")


def _most_different_first(pair: Mapping[str, Any]) -> tuple[int, int, str, str]:
    places = [_GRAVE.index(name) for name in pair["differs"] if name in _GRAVE]
    place = min(places, default=len(_GRAVE) if pair["differs"] else len(_GRAVE) + 1)
    return place, -abs(pair["difference"]["seconds"] or 0), pair["name"], pair["source_server_id"]


# --- who, and with what -------------------------------------------------------------------------------------------


def _people(one: Document, other: Document) -> list[dict[str, Any]]:
    """By what they did: their names, each once, in the order in which they did it."""
    does: dict[str, Callable[[Document], list[str]]] = {
        "requested": lambda document: [document["people"]["requested_by"]],
        "approved": lambda document: [each["by"] for each in document["people"]["approvals"] if each["approved"]],
        "rejected": lambda document: [each["by"] for each in document["people"]["approvals"] if not each["approved"]],
        "acted": lambda document: [each["name"] for each in document["people"]["acted"]],
        "looked_on": lambda document: [each["by"] for each in document["people"]["observers"] or ()],
        # A sign-off from before a retry is of another run.
        "signed_off": lambda document: [
            each["by"] for each in document["people"]["sign_offs"] if not each["before_retry"]
        ],
    }
    found = []
    for did, names in does.items():
        ours, theirs = (list(dict.fromkeys(names(document))) for document in (one, other))
        if ours or theirs:
            found.append({"did": did, "one": ours, "other": theirs, "differs": set(ours) != set(theirs)})
    return found


def _settings(one: Document, other: Document) -> list[dict[str, Any]]:
    """Those that were not the same."""
    return [
        {"name": name, "one": ours, "other": theirs}
        for (name, ours), (_, theirs) in zip(_set(one), _set(other), strict=True)
        if ours != theirs
    ]


def _set(document: Document) -> Iterator[tuple[str, Any]]:
    identity, why, people = document["identity"], document["why"], document["people"]
    yield "kind", identity["kind"]
    yield "plan_revision", identity["plan_revision"]
    yield "point_in_time", why["point_in_time"]
    yield "scenario_type", why["scenario_type"]
    yield "approvals_required", people["approvals_required"]
    yield "break_glass", people["break_glass"]
    yield "business_owner", people["business_owner"]
    yield "cleanup_after_seconds", document["cleanup"]["planned_after_seconds"]
    yield "sites", [f"{site['site']} ({site['region']})" for site in identity["environment"]]
    yield "tool_version", identity["tool_version"]


# --- in a sentence ------------------------------------------------------------------------------------------------

_ENDED: Final = {
    "succeeded": "succeeded",
    "partially_succeeded": "partially succeeded",
    "failed": "failed",
    "cancelled": "was cancelled",
    "rejected": "was rejected",
}


#: Ends by which all that was to be recovered was.
_REACHED: Final = frozenset({ExecutionStatus.SUCCEEDED, ExecutionStatus.PARTIALLY_SUCCEEDED})


def _verdict(
    one: Document, other: Document, objectives: Mapping[str, Any], run: Mapping[str, Any], waves: Sequence[Any]
) -> dict[str, Any]:
    """`difference`: of the RTO, or, where one of them has none, of the whole runs; `by` says which. A run that did not
    get to its end was not faster for that."""
    by = "rto" if objectives["rto"]["difference"] is not None else "run"
    difference = objectives["rto"]["difference"] if by == "rto" else run["difference"]
    if by == "run" and not _REACHED.issuperset(each["identity"]["status"] for each in (one, other)):
        difference = None
    sentences = [*_of_ends(one["identity"]["status"], other["identity"]["status"])]
    if difference is None:
        sentences.append("How long they took cannot be compared.")
    else:
        sentences.append(_of_time(difference, waves))
    return {"by": None if difference is None else by, "difference": difference, "sentence": " ".join(sentences)}


def _of_ends(one: str, other: str) -> Iterator[str]:
    ours, theirs = _ENDED.get(one, "is not over"), _ENDED.get(other, "is not over")
    if ours != theirs:
        yield f"This run {ours}; the other {theirs}."


def _of_time(difference: int, waves: Sequence[Mapping[str, Any]]) -> str:
    """ "6 min faster: Databases took 4 min less."."""
    if difference == 0:
        return "Both took as long."
    said = f"{spoken(abs(difference))} {'faster' if difference < 0 else 'slower'}"
    sign = 1 if difference > 0 else -1
    alike = [
        (sign * wave["difference"]["seconds"], wave["name"])
        for wave in waves
        if sign * (wave["difference"]["seconds"] or 0) > 0
    ]
    if not alike:
        return f"{said}."
    most, name = min(alike, key=lambda each: (-each[0], each[1]))
    return f"{said}: {name} took {spoken(most)} {'less' if difference < 0 else 'more'}."
