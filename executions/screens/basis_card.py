"""What a press rests on, as its page shows it: servers, points in time, findings, instances that it replaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from executions.core.basis import Difference
from executions.services.basis import Shown
from foundation.wording import Tone, clock, count


@dataclass(frozen=True, slots=True)
class StepLine:
    name: str
    #: What the plan tells whoever carries it out or approves it.
    about: str


@dataclass(frozen=True, slots=True)
class WaveLine:
    name: str
    count: str
    #: Each with its point in time, where one is chosen.
    servers: tuple[str, ...]
    steps: tuple[StepLine, ...]


@dataclass(frozen=True, slots=True)
class InstanceLine:
    server: str
    name: str
    words: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class BasisCard:
    #: What is to be carried by the form.
    seen: str
    summary: str
    point: str
    approvals: str
    differences: tuple[str, ...]
    waves: tuple[WaveLine, ...]
    blocking: tuple[str, ...]
    warnings: tuple[str, ...]
    instances: tuple[InstanceLine, ...]


def basis_card(shown: Shown, differences: Sequence[Difference]) -> BasisCard:
    document = shown.document
    plan, waves = document["plan"], document["waves"]
    told = {one.sentence for one in differences}
    servers = sum(len(wave["servers"]) for wave in waves)
    at = document["point_in_time"]
    return BasisCard(
        seen=shown.seen,
        summary=f"{plan['name']}, revision {plan['revision']}: {count(servers, 'server')} to launch.",
        point=f"{clock(datetime.fromisoformat(at))} UTC" if at else "the latest state",
        approvals=count(plan["approvals_required"], "approval") if plan["approvals_required"] else "none",
        differences=tuple(one.sentence for one in differences),
        waves=tuple(_wave(wave) for wave in waves if wave["servers"] or wave["steps"]),
        blocking=tuple(_messages(document["findings"], "blocking", told)),
        warnings=tuple(_messages(document["findings"], "warning", told)),
        instances=tuple(_instance(one) for one in document["instances"]),
    )


def _wave(wave: Mapping[str, Any]) -> WaveLine:
    return WaveLine(
        wave["name"],
        count(len(wave["servers"]), "server"),
        tuple(_server(server) for server in wave["servers"]),
        tuple(StepLine(step["name"], _about(step)) for step in wave["steps"]),
    )


def _about(step: Mapping[str, Any]) -> str:
    # What was kept earlier has instructions alone.
    return " ".join(text for key in ("instructions", "description", "link") if (text := step.get(key, "")))


def _server(server: Mapping[str, Any]) -> str:
    name = server["hostname"] or server["source_server_id"]
    at = server["recovery_point_at"]
    return f"{name} ({clock(datetime.fromisoformat(at))} UTC)" if at and server["recovery_snapshot_id"] else name


def _messages(findings: Sequence[Mapping[str, Any]], severity: str, told: set[str]) -> Sequence[str]:
    return [one["message"] for one in findings if one["severity"] == severity and one["message"] not in told]


def _instance(one: Mapping[str, Any]) -> InstanceLine:
    name = one["instance_id"] or "an instance that DRS does not list"
    if one["is_drill"]:
        return InstanceLine(one["hostname"], name, "launched by a drill", Tone.NEUTRAL)
    return InstanceLine(one["hostname"], name, "of a real recovery", Tone.BAD)
