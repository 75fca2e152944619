"""The runbook of a plan, to print: what it does, in order, and what to do by hand if drsorch is down."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from foundation.durations import exact
from foundation.wording import count, listing
from plans.core import BlueprintServer, BlueprintStep, BlueprintWave
from plans.core.by_hand import Place, launch, terminate_drill, watch
from plans.core.graph import layers
from plans.core.steps import KINDS, OnFailure, StepKind, StepWhen
from plans.models import Plan
from plans.selectors import blueprint
from protection.models import Site
from protection.selectors import without_credentials


@dataclass(frozen=True, slots=True)
class StepEntry:
    name: str
    kind: str
    description: str
    link: str
    #: Label and value of each parameter.
    parameters: tuple[tuple[str, str], ...]
    #: Its time-out, and what happens if it fails.
    rules: str


@dataclass(frozen=True, slots=True)
class ServerEntry:
    hostname: str
    source_server_id: str
    os: str
    group: str
    site: str
    account: str
    region: str


@dataclass(frozen=True, slots=True)
class WaveEntry:
    #: Of the column in which it runs: waves of one number run side by side.
    order: int
    name: str
    waits: str
    rules: str
    groups: str
    before: tuple[StepEntry, ...]
    servers: tuple[ServerEntry, ...]
    after: tuple[StepEntry, ...]
    recover: tuple[str, ...]
    drill: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Runbook:
    waves: tuple[WaveEntry, ...]
    servers: int
    sites: tuple[Place, ...]
    watch: tuple[str, ...]
    terminate: tuple[str, ...]
    approvals: int


def runbook(plan: Plan) -> Runbook:
    """The plan's newest revision with the servers that its groups have now, in a bounded number of queries."""
    frozen = blueprint(plan)
    rows = Site.objects.in_bulk({server.site_id for server in frozen.servers})
    places = {
        pk: Place(site.name, site.account_id, site.region, without_credentials(site.endpoint_url))
        for pk, site in rows.items()
    }
    columns = layers([wave.depends_on for wave in frozen.waves])
    numbers = {position: at for at, column in enumerate(columns, 1) for position in column}
    waves = sorted(frozen.waves, key=lambda wave: (numbers[wave.position], wave.position))
    names = [wave.name for wave in frozen.waves]
    everyone = list(frozen.servers)
    return Runbook(
        waves=tuple(_wave(wave, numbers[wave.position], names, places) for wave in waves),
        servers=len(everyone),
        sites=tuple(sorted(places.values(), key=lambda place: place.name)),
        watch=tuple(watch(place) for place in sorted(set(places.values()), key=lambda place: place.name)),
        terminate=tuple(line for place, ids in _by_place(everyone, places) for line in terminate_drill(place, ids)),
        approvals=frozen.approvals_required,
    )


def _wave(wave: BlueprintWave, order: int, names: Sequence[str], places: Mapping[int, Place]) -> WaveEntry:
    by_place = list(_by_place(wave.servers, places))
    groups = dict.fromkeys(server.protection_group for server in wave.servers)
    return WaveEntry(
        order=order,
        name=wave.name,
        waits=f"after {listing([names[each] for each in wave.depends_on], None)}" if wave.depends_on else "at once",
        rules=_rules(wave),
        groups=f"{count(len(groups), 'protection group')}: {listing(groups, None)}" if groups else "",
        before=tuple(_step(step) for step in wave.steps if step.when == StepWhen.BEFORE),
        servers=tuple(_server(server, places[server.site_id]) for server in wave.servers),
        after=tuple(_step(step) for step in wave.steps if step.when == StepWhen.AFTER),
        recover=tuple(line for place, ids in by_place for line in launch(place, ids, drill=False)),
        drill=tuple(line for place, ids in by_place for line in launch(place, ids, drill=True)),
    )


def _rules(wave: BlueprintWave) -> str:
    carries_on = wave.on_failure == OnFailure.CONTINUE
    rules = [
        f"At least {wave.minimum_success_percent} % of its servers have to launch; if not, "
        f"{'the other waves continue' if carries_on else 'stop'}."
    ]
    if wave.start_delay_seconds:
        rules.append(f"Wait {exact(wave.start_delay_seconds)} before launching.")
    rules.append(f"A server that has not launched within {exact(wave.launch_timeout_seconds)} counts as failed.")
    return " ".join(rules)


def _step(step: BlueprintStep) -> StepEntry:
    kind = KINDS[StepKind(step.kind)]
    known = [each for each in kind.parameters if each.name in step.parameters]
    fails = "continue" if step.on_failure == OnFailure.CONTINUE else "stop"
    rules = [f"Time-out {exact(step.timeout_seconds)}."] if step.kind != StepKind.WAIT else []
    return StepEntry(
        name=step.name,
        kind=kind.words,
        description=step.description,
        link=step.link,
        parameters=tuple((each.label, _value(each.name, step.parameters[each.name])) for each in known),
        rules=" ".join([*rules, f"If it fails, {fails}."]),
    )


def _value(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if name in ("seconds", "every_seconds"):
        return exact(value)
    return json.dumps(value, ensure_ascii=False)


def _server(server: BlueprintServer, place: Place) -> ServerEntry:
    return ServerEntry(
        server.hostname, server.source_server_id, server.os, server.protection_group, place.name, place.account_id,
        place.region,
    )  # fmt: skip


def _by_place(servers: Sequence[BlueprintServer], places: Mapping[int, Place]) -> Iterator[tuple[Place, list[str]]]:
    found: dict[int, list[str]] = defaultdict(list)
    for server in servers:
        found[server.site_id].append(server.source_server_id)
    for site_id, ids in found.items():
        yield places[site_id], ids
