"""A plan as portable text (docs/api.md, "A plan"): what is accepted, and the one full form it is kept and answered in.

Waves and protection groups are referred to by name, so a document means the same in every installation that has
groups of those names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, TypedDict

from foundation.durations import exact
from foundation.errors import FieldError, Invalid
from foundation.names import name_clean
from foundation.references import id_of
from foundation.storable import unstorable
from plans.core import graph, steps
from plans.core.fields import Fields, shown
from plans.core.purpose import NO_PURPOSE, PurposeDocument, purpose_from

MAX_WAVES = 200
MAX_STEPS = 50
MAX_APPROVALS = 20
#: What a wave and a step have that do not say.
LAUNCH_TIMEOUT_SECONDS = 3600
STEP_TIMEOUT_SECONDS = 1800


class StepDocument(TypedDict):
    name: str
    #: For whoever carries it out or approves it, with the address of a page that says more.
    description: str
    link: str
    when: str
    kind: str
    timeout_seconds: int
    on_failure: str
    parameters: dict[str, Any]


class WaveDocument(TypedDict):
    name: str
    #: None follows the wave above; [] starts at once.
    depends_on: list[str] | None
    protection_groups: list[str]
    minimum_success_percent: int
    on_failure: str
    start_delay_seconds: int
    launch_timeout_seconds: int
    steps: list[StepDocument]


class _Head(TypedDict):
    name: str
    description: str
    #: Whom to call, in whatever form.
    contacts: str
    rto_target_seconds: int | None
    rpo_target_seconds: int | None
    approvals_required: int


class PlanDocument(_Head, PurposeDocument):
    """In the order in which it is written."""

    waves: list[WaveDocument]


def normalise(raw: object, *, groups: Mapping[int, str]) -> PlanDocument:
    """Check a document against every rule and fill its defaults in.

    `groups` are the names of all protection groups by id; a document may use either. Raises `Invalid` with everything
    that is wrong, each error at its dotted path (`waves.1.depends_on`) and naming the culprit.
    """
    errors: list[FieldError] = []
    if why := unstorable(raw):
        raise Invalid.field("", f"The plan cannot be saved: it {why}.")
    plan = Fields.of(raw, "", "The plan", errors)
    document: PlanDocument = {
        "name": plan.name(),
        "description": plan.text("description"),
        "contacts": plan.text("contacts"),
        "rto_target_seconds": plan.seconds_or_none("rto_target_seconds"),
        "rpo_target_seconds": plan.seconds_or_none("rpo_target_seconds"),
        "approvals_required": plan.whole("approvals_required", low=0, high=MAX_APPROVALS, default=1),
        **purpose_from(plan),
        "waves": [],
    }
    items = plan.items("waves")
    if len(items) > MAX_WAVES:
        plan.error("waves", f"The plan has {len(items)} waves; the maximum is {MAX_WAVES}.")
        items = items[:MAX_WAVES]
    document["waves"] = [_wave(item, index, groups, errors) for index, item in enumerate(items)]
    plan.finish()
    _check_targets(document, errors)
    _check_wave_names(document["waves"], errors)
    _check_dependencies(document["waves"], errors)
    _check_groups_once(document["waves"], errors)
    if errors:
        raise Invalid.of(errors)
    return document


def filled_out(saved: Mapping[str, Any]) -> PlanDocument:
    """A document as it was saved once, with the fields that there were not yet, at their defaults."""
    waves = [{**wave, "steps": [{**_NEW_OF_STEP, **step} for step in wave["steps"]]} for wave in saved["waves"]]
    document: Any = {**_NEW_OF_PLAN, **saved, "waves": waves}
    return document


#: Fields that came after documents had been saved without them.
_NEW_OF_PLAN: Mapping[str, Any] = {"contacts": "", **NO_PURPOSE}
_NEW_OF_STEP: Mapping[str, Any] = {"description": "", "link": ""}


def wave_graph(waves: Sequence[WaveDocument]) -> graph.Graph:
    """The dependency graph of the waves of a document."""
    return graph.resolve([wave["name"] for wave in waves], [wave["depends_on"] for wave in waves])


def _wave(raw: object, index: int, groups: Mapping[int, str], errors: list[FieldError]) -> WaveDocument:
    wave = Fields.of(raw, f"waves.{index}", _called("Wave", raw, index), errors)
    document = WaveDocument(
        name=wave.name(),
        depends_on=_depends_on(wave),
        protection_groups=_groups(wave, groups),
        minimum_success_percent=wave.whole("minimum_success_percent", low=0, high=100, default=100),
        on_failure=wave.choice("on_failure", list(steps.OnFailure), default=steps.OnFailure.STOP.value),
        start_delay_seconds=wave.seconds("start_delay_seconds", default=0),
        launch_timeout_seconds=wave.seconds("launch_timeout_seconds", low=1, default=LAUNCH_TIMEOUT_SECONDS),
        steps=_steps(wave),
    )
    wave.finish()
    # Asked of what was sent: a wave whose only group is unknown has been told so.
    if isinstance(raw, Mapping) and not raw.get("protection_groups") and not raw.get("steps"):
        wave.error("protection_groups", f"{wave.subject} is empty: add a protection group or a step.", "empty")
    return document


def _depends_on(wave: Fields) -> list[str] | None:
    if wave.take("depends_on") is None:
        return None
    names: list[str] = []
    for name in wave.items("depends_on"):
        if not isinstance(name, str):
            wave.error("depends_on", f"{wave.subject}: depends_on must contain names of waves, not {shown(name)}.")
        elif (clean := name_clean(name)) not in names:
            names.append(clean)
    return names


def _groups(wave: Fields, groups: Mapping[int, str]) -> list[str]:
    """Names as they are written, ids turned into names. A name wins over an id that looks the same."""
    known = set(groups.values())
    names: list[str] = []
    for index, wanted in enumerate(wave.items("protection_groups")):
        name: str | None = None
        if isinstance(wanted, str):
            trimmed = name_clean(wanted)
            pk = id_of(trimmed)
            by_id = None if pk is None else groups.get(pk)
            name = trimmed if trimmed in known else by_id
        elif isinstance(wanted, int) and not isinstance(wanted, bool):
            name = groups.get(wanted)
        if name is None:
            wave.error(
                f"protection_groups.{index}",
                f"{wave.subject}: there is no protection group {shown(wanted)}.",
                "unknown",
            )
        elif name in names:
            wave.error(
                f"protection_groups.{index}", f"{wave.subject} has protection group {shown(name)} twice.", "twice"
            )
        else:
            names.append(name)
    return names


def _steps(wave: Fields) -> list[StepDocument]:
    items = wave.items("steps")
    if len(items) > MAX_STEPS:
        wave.error("steps", f"{wave.subject} has {len(items)} steps; the maximum is {MAX_STEPS}.")
        items = items[:MAX_STEPS]
    found: list[StepDocument] = []
    for index, item in enumerate(items):
        step = _step(item, index, wave)
        if step["name"] and any(step["name"] == other["name"] for other in found):
            wave.error(f"steps.{index}.name", f"{wave.subject} has two steps named {shown(step['name'])}.", "unique")
        found.append(step)
    return found


def _step(raw: object, index: int, wave: Fields) -> StepDocument:
    subject = f"{_called('Step', raw, index)} of {wave.subject[0].lower()}{wave.subject[1:]}"
    step = Fields.of(raw, wave.path(f"steps.{index}"), subject, wave.errors)
    document = StepDocument(
        name=step.name(),
        description=step.text("description"),
        link=step.link("link"),
        when=step.choice("when", list(steps.StepWhen)),
        kind=step.choice("kind", list(steps.StepKind)),
        timeout_seconds=step.seconds("timeout_seconds", low=1, default=STEP_TIMEOUT_SECONDS),
        on_failure=step.choice("on_failure", list(steps.OnFailure), default=steps.OnFailure.STOP.value),
        parameters={},
    )
    parameters = step.take("parameters", {})
    if document["kind"]:
        path = step.path("parameters")
        kind = steps.KINDS[steps.StepKind(document["kind"])]
        document["parameters"] = kind.read(Fields.of(parameters, path, f"{subject}, parameters", step.errors))
    step.finish()
    return document


def _called(what: str, raw: object, index: int) -> str:
    """What to call it in sentences: by its name where it has a usable one, else by its place."""
    name = raw.get("name") if isinstance(raw, Mapping) else None
    return f"{what} {shown(name.strip())}" if isinstance(name, str) and name.strip() else f"{what} {index + 1}"


def _check_targets(document: PlanDocument, errors: list[FieldError]) -> None:
    rto, mtpd = document["rto_target_seconds"], document["mtpd_seconds"]
    if rto is not None and mtpd is not None and mtpd < rto:
        sentence = (
            f"The maximum tolerable period of disruption, {exact(mtpd)}, is shorter than the RTO target, {exact(rto)}."
        )
        errors.append(FieldError("mtpd_seconds", sentence, "too_short"))


def _check_wave_names(waves: Sequence[WaveDocument], errors: list[FieldError]) -> None:
    first: dict[str, int] = {}
    for index, wave in enumerate(waves):
        if wave["name"] and wave["name"] in first:
            errors.append(FieldError(f"waves.{index}.name", f"Two waves are named {shown(wave['name'])}.", "unique"))
        first.setdefault(wave["name"], index)


def _check_dependencies(waves: Sequence[WaveDocument], errors: list[FieldError]) -> None:
    names = {wave["name"] for wave in waves if wave["name"]}
    found_before = len(errors)
    for index, wave in enumerate(waves):
        path = f"waves.{index}.depends_on"
        for name in wave["depends_on"] or []:
            if name not in names:
                sentence = f"Wave {shown(wave['name'])} waits for {shown(name)}, but no wave has that name."
                errors.append(FieldError(path, sentence, "unknown"))
            elif name == wave["name"]:
                errors.append(FieldError(path, f"Wave {shown(name)} waits for itself.", "cycle"))
    if len(errors) > found_before or len(names) < len(waves):
        return
    circle = graph.cycle(wave_graph(waves))
    if circle:
        clauses = [_clause(waves[one], waves[next_]) for one, next_ in pairwise((*circle, circle[0]))]
        sentence = f"Waves wait for each other in a circle, so none of them could start: {', '.join(clauses)}."
        errors.append(FieldError(f"waves.{circle[0]}.depends_on", sentence, "cycle"))


def _clause(wave: WaveDocument, waited_for: WaveDocument) -> str:
    one, other = shown(wave["name"]), shown(waited_for["name"])
    return f"{one} follows {other} above it" if wave["depends_on"] is None else f"{one} waits for {other}"


def _check_groups_once(waves: Sequence[WaveDocument], errors: list[FieldError]) -> None:
    """A group appears once in a plan. (Twice in one wave was noted when the wave was read.)"""
    first: dict[str, int] = {}
    for index, wave in enumerate(waves):
        for group in wave["protection_groups"]:
            if group in first:
                both = f"{shown(waves[first[group]]['name'])} and {shown(wave['name'])}"
                sentence = f"Protection group {shown(group)} is in two waves, {both}; it can be launched only once."
                errors.append(FieldError(f"waves.{index}.protection_groups", sentence, "twice"))
            first.setdefault(group, index)
