"""The start page: what would launch, what stands in the way, and what it would replace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from executions.core.states import ExecutionKind
from executions.models import Execution
from executions.screens.forecasts.card import ForecastCard
from executions.screens.selectors import InventoryServer
from executions.screens.stake import StakeCard
from executions.screens.words import duration, kind_badge, wave_rules
from foundation.wording import Badge, Tone, ago, count, listing, told_apart
from plans.core import Blueprint, BlueprintServer, BlueprintWave, Finding, Severity
from plans.core.picture import Node, Picture, draw
from plans.screens.purpose import purpose_sentence

#: Shown as a list of its own, with the instances by name.
_SHOWN_ELSEWHERE = frozenset({"instance_will_be_replaced", "running_in_recovery"})


@dataclass(frozen=True, slots=True)
class GroupLine:
    name: str
    sites: str
    servers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WaveLine:
    wave: BlueprintWave
    after: str
    rules: str
    #: Its groups, steps and sites in a line.
    summary: str
    count: str
    groups: tuple[GroupLine, ...]


@dataclass(frozen=True, slots=True)
class ReplacedInstance:
    """An instance that DRS deletes before it launches the server anew."""

    server: str
    instance_id: str
    origin: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class StartPage:
    title: str
    badge: Badge
    revision: int
    summary: str
    targets: str
    #: What it is for; empty if the plan does not say.
    purpose: str
    approvals: str
    picture: Picture
    waves: tuple[WaveLine, ...]
    blocking: tuple[Finding, ...]
    warnings: tuple[Finding, ...]
    replaced: tuple[ReplacedInstance, ...]
    replaced_count: str
    #: Live recovery instances that have to be named; None where there are none.
    stake: StakeCard | None
    #: The execution that must end first, if there is one.
    active: Execution | None
    #: When it would be over; None where nothing would run.
    forecast: ForecastCard | None
    #: False: the button is shown switched off, and the page says why.
    startable: bool
    button: str


def start_page(
    blueprint: Blueprint,
    kind: ExecutionKind,
    *,
    findings: Sequence[Finding],
    inventory: Mapping[tuple[int, str], InventoryServer],
    active: Execution | None,
    now: datetime,
    may_break_glass: bool = False,
    stake: StakeCard | None = None,
    forecast: ForecastCard | None = None,
) -> StartPage:
    """`may_break_glass`: this person may start a recovery despite blocking findings. `stake`: what DRS says now."""
    servers = list(blueprint.servers)
    shown = [finding for finding in findings if finding.code not in _SHOWN_ELSEWHERE]
    blocking = tuple(finding for finding in shown if finding.severity == Severity.BLOCKING)
    overridable = kind is ExecutionKind.RECOVERY and may_break_glass
    what = "recovery" if kind is ExecutionKind.RECOVERY else "drill"
    at_stake = {name for name, _ in stake.lines} if stake else set()
    replaced = tuple(
        _replaced(server, inventory, now) for server in servers if _instance(server, inventory) not in ("", *at_stake)
    )
    return StartPage(
        title=f"Start a {'real recovery' if kind is ExecutionKind.RECOVERY else 'drill'} of {blueprint.plan_name}",
        badge=kind_badge(kind),
        revision=blueprint.revision,
        summary=_summary(blueprint, servers, inventory),
        targets=_targets(blueprint),
        purpose=purpose_sentence(blueprint.purpose),
        approvals=_approvals(blueprint, kind),
        picture=_picture(blueprint),
        waves=tuple(_wave(wave, blueprint, inventory) for wave in blueprint.waves),
        blocking=blocking,
        warnings=tuple(finding for finding in shown if finding.severity != Severity.BLOCKING),
        replaced=replaced,
        replaced_count=count(len(replaced), "earlier instance"),
        stake=stake,
        active=active,
        forecast=forecast,
        startable=bool(servers) and active is None and (not blocking or overridable),
        button=f"Start the {what}: launch {count(len(servers), 'server')}",
    )


def _summary(
    blueprint: Blueprint, servers: Sequence[BlueprintServer], inventory: Mapping[tuple[int, str], InventoryServer]
) -> str:
    sites = Counter(_site(server, inventory) for server in servers)
    where = listing([f"{number} at {site}" for site, number in sorted(sites.items())])
    waves = count(len(blueprint.waves), "wave")
    return f"{count(len(servers), 'server')} in {waves}" + (f": {where}." if servers else ".")


def _site(server: BlueprintServer, inventory: Mapping[tuple[int, str], InventoryServer]) -> str:
    found = inventory.get((server.site_id, server.source_server_id))
    return found.site if found else "a site that no longer lists them"


def _targets(blueprint: Blueprint) -> str:
    rto = duration(blueprint.rto_target_seconds) or "none"
    rpo = duration(blueprint.rpo_target_seconds) or "none"
    return f"RTO target {rto}, RPO target {rpo}."


def _approvals(blueprint: Blueprint, kind: ExecutionKind) -> str:
    if kind is ExecutionKind.DRILL:
        return "A drill needs no approval: it starts immediately."
    if not blueprint.approvals_required:
        return "This plan requires no approval: the recovery starts immediately."
    return (
        f"After the request, the recovery waits for {count(blueprint.approvals_required, 'approval')} from "
        f"{'someone' if blueprint.approvals_required == 1 else 'people'} other than you; nothing launches until then."
    )


def _wave(wave: BlueprintWave, blueprint: Blueprint, inventory: Mapping[tuple[int, str], InventoryServer]) -> WaveLine:
    groups: dict[str, list[BlueprintServer]] = {}
    for server in wave.servers:
        groups.setdefault(server.protection_group, []).append(server)
    names = [blueprint.waves[position].name for position in wave.depends_on]
    return WaveLine(
        wave=wave,
        after=f"after {listing(names)}" if names else "at the start",
        rules=wave_rules(wave),
        summary=_in_a_line(wave, groups, inventory),
        count=count(len(wave.servers), "server"),
        groups=tuple(
            GroupLine(
                name,
                ", ".join(sorted({_site(server, inventory) for server in members})),
                tuple(told_apart({server.source_server_id: server.hostname for server in members}).values()),
            )
            for name, members in groups.items()
        ),
    )


def _in_a_line(
    wave: BlueprintWave,
    groups: Mapping[str, list[BlueprintServer]],
    inventory: Mapping[tuple[int, str], InventoryServer],
) -> str:
    parts = []
    for name, members in groups.items():
        sites = listing(sorted({_site(server, inventory) for server in members}))
        parts.append(f"{name}: {count(len(members), 'server')} at {sites}")
    parts += [f"step {step.name} ({step.when})" for step in wave.steps]
    return "; ".join(parts) or "no servers"


def _instance(server: BlueprintServer, inventory: Mapping[tuple[int, str], InventoryServer]) -> str:
    found = inventory.get((server.site_id, server.source_server_id))
    return found.recovery_instance_id if found else ""


def _replaced(
    server: BlueprintServer, inventory: Mapping[tuple[int, str], InventoryServer], now: datetime
) -> ReplacedInstance:
    found = inventory[(server.site_id, server.source_server_id)]
    when = f" {ago(found.instance_since, now)}" if found.instance_since else ""
    origins = {
        str(ExecutionKind.DRILL): (f"launched by a drill{when}", Tone.NEUTRAL),
        str(ExecutionKind.RECOVERY): (f"launched by a real recovery{when}", Tone.BAD),
    }
    origin, tone = origins.get(found.instance_kind, (f"not launched by drsorch{when}", Tone.WARN))
    return ReplacedInstance(server.hostname or server.source_server_id, found.recovery_instance_id, origin, tone)


def _picture(blueprint: Blueprint) -> Picture:
    nodes = [Node(wave.name, count(len(wave.servers), "server")) for wave in blueprint.waves]
    return draw([wave.depends_on for wave in blueprint.waves], nodes)
