"""What requests and approvals rest on: shown, kept, and held against how it is when a launch is about to start."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone

from access.policy import Person
from executions.core.basis import Difference, canonical, differences, seen_of, sha256_of
from executions.core.stake import Acknowledged, Replaced, replaced_of
from executions.core.states import ExecutionKind, ServerStatus
from executions.decisions import Basis
from executions.engine import basis as engine
from executions.engine.basis import NO_SNAPSHOT, Look
from executions.models import Execution, ServerRun, StepRun
from foundation.errors import Conflict, FieldError, Missing
from plans import readiness
from plans.core import Blueprint, BlueprintServer, BlueprintStep, Finding, Severity
from plans.models import Plan
from plans.selectors import blueprint as blueprint_of
from protection.models import Site

_TOLD = 5
CHANGED = "changed_since_request"


@dataclass(frozen=True, slots=True)
class Shown:
    """A document, as it is shown."""

    document: dict[str, Any]
    look: Look

    @property
    def seen(self) -> str:
        return seen_of(self.document)

    @property
    def text(self) -> str:
        return canonical(self.document)

    @property
    def sha256(self) -> str:
        return sha256_of(self.text)


def basis_of_plan(
    plan: Plan,
    kind: ExecutionKind,
    *,
    blueprint: Blueprint | None = None,
    findings: Collection[Finding] | None = None,
    point_in_time: datetime | None = None,
    snapshots: Mapping[tuple[int, str], tuple[str, datetime]] | None = None,
    reason: str = "",
) -> Shown:
    """What a start of the plan rests on now. Asks DRS."""
    blueprint = blueprint or blueprint_of(plan)
    look = engine.look_at(blueprint.servers)
    chosen, sites = snapshots or {}, _sites(blueprint.servers)
    waves = [
        {
            "name": wave.name,
            "steps": [_step(step) for step in wave.steps],
            "servers": [
                _server(
                    server,
                    sites,
                    server.protection_group,
                    chosen.get((server.site_id, server.source_server_id)),
                    look,
                )
                for server in wave.servers
            ],
        }
        for wave in blueprint.waves
    ]
    return Shown(
        {
            "plan": {
                "id": blueprint.plan_id,
                "name": blueprint.plan_name,
                "revision": blueprint.revision,
                "current_revision": blueprint.revision,
                "approvals_required": blueprint.approvals_required if kind is ExecutionKind.RECOVERY else 0,
            },
            "kind": str(kind),
            "reason": reason,
            "point_in_time": point_in_time.isoformat() if point_in_time else None,
            "waves": waves,
            "members": {"joined": [], "left": []},
            **_told_by(look, readiness.evaluate(plan) if findings is None else findings),
        },
        look,
    )


def basis_of_execution(execution: Execution, by: Person, servers: Iterable[ServerRun] | None = None) -> Shown:
    """What the execution rests on now: its frozen copy, held against the plan, the inventory and DRS, which is asked.

    `servers`: those that are about to be launched; without them, those that wait for it. If `by` may not see the plan
    as it is now, which may be elsewhere, what is new in it is left out.
    """
    rows = list(execution.servers.select_related("wave", "site").order_by("wave__position", "position", "pk"))
    waiting = (ServerStatus.PENDING, ServerStatus.QUEUED)
    wanted = {row.pk for row in rows if row.status in waiting} if servers is None else {row.pk for row in servers}
    about = [row for row in rows if row.pk in wanted]
    snapshots = {(row.site_id, row.source_server_id): row.recovery_snapshot_id for row in about}
    look = engine.look_at(about, snapshots)
    now, hidden = blueprint_of(execution.plan), not Plan.objects.visible_to(by).filter(pk=execution.plan_id).exists()
    members = _moved(rows, list(now.servers), look)
    names = {row.site_id: row.site.name for row in rows}
    steps = list(execution.steps.select_related("wave"))
    waves = [
        {
            "name": wave.name,
            "steps": [_step(step) for step in steps if step.wave_id == wave.pk],
            "servers": [_run(row, names, look) for row in about if row.wave_id == wave.pk],
        }
        for wave in execution.waves.order_by("position")
    ]
    required = now.approvals_required if execution.approvals_required else 0
    return Shown(
        {
            "plan": {
                "id": execution.plan_id,
                "name": execution.plan_name,
                "revision": execution.plan_revision,
                "current_revision": now.revision,
                "approvals_required": max(required, execution.approvals_required),
            },
            "kind": execution.kind,
            "reason": execution.reason,
            "point_in_time": execution.point_in_time.isoformat() if execution.point_in_time else None,
            "waves": waves,
            "members": {**members, "joined": []} if hidden else members,
            **_told_by(look, [] if hidden else readiness.evaluate(execution.plan)),
        },
        look,
    )


def basis_if_kept(execution: Execution, by: Person, servers: Iterable[ServerRun] | None = None) -> Shown | None:
    """The same; None, and nothing asked, if what it was requested on was not kept: there is nothing to compare with."""
    return basis_of_execution(execution, by, servers) if execution.bases.exists() else None


def check_looked(execution: Execution, shown: Shown | None) -> None:
    """Raises `Conflict` if a locked execution has to be held against `shown`, and came here too late for that."""
    if shown is None and execution.bases.exists():
        raise Conflict(
            "The execution was changed at the same moment. Nothing was done: look again, then decide.",
            code="changed_meanwhile",
        )


def basis_changes(
    execution: Execution, shown: Shown, named: Collection[Replaced] = (), about: Collection[str] | None = None
) -> list[Difference]:
    """What of it is not as it was requested, or last accepted. An instance that is `named` with the press is known.

    `about`: source server ids, where the press launches these alone of what was shown.
    """
    before = execution.bases.order_by("-pk").first()
    if before is None:
        return []
    known = Acknowledged([*map(replaced_of, execution.acknowledged), *named])
    instances = [one for one in shown.document["instances"] if known.find(replaced_of(one)) is None]
    document = {**shown.document, "instances": instances}
    if about is not None:
        document["instances"] = _only(instances, about)
        document["waves"] = [{**wave, "servers": _only(wave["servers"], about)} for wave in shown.document["waves"]]
    return differences(before.read(), document)


def _only(documents: Iterable[dict[str, Any]], about: Collection[str]) -> list[dict[str, Any]]:
    return [one for one in documents if one["source_server_id"] in about]


def check_as_seen(
    execution: Execution,
    shown: Shown,
    seen: str,
    action: str,
    *,
    named: Collection[Replaced] = (),
    new_snapshots: bool = False,
    about: Collection[str] | None = None,
) -> None:
    """Raises `Conflict` naming what has changed, unless `seen` says that whoever presses knows it.

    `new_snapshots`: others are chosen with the press, so that it does not matter if the old ones are gone.
    """
    found = basis_changes(execution, shown, named, about)
    if new_snapshots:
        found = [one for one in found if one.code != NO_SNAPSHOT]
    if not found or seen == shown.seen:
        return
    sentences = [one.sentence for one in found]
    more = f" And {len(found) - _TOLD} more: see errors." if len(found) > _TOLD else ""
    raise Conflict(
        f"Nothing was {action}: something has changed since the request. {' '.join(sentences[:_TOLD])}{more} "
        "Check what has changed. To continue despite this, repeat the request and say that you have seen it.",
        errors=[FieldError("seen", one.sentence, one.code, shown.seen) for one in found],
        code=CHANGED,
    )


def basis_keep(execution: Execution, shown: Shown, by: AbstractBaseUser, press: str) -> str:
    """Keep what was shown, in the caller's transaction; returns its SHA-256, for the event."""
    Basis.objects.create(
        execution=execution,
        press=press,
        user_id=by.pk,
        user_name=by.get_username(),
        at=timezone.now(),
        sha256=shown.sha256,
        document=shown.text,
    )
    return shown.sha256


def basis_list(execution: Execution) -> list[Basis]:
    """What was shown to whom, oldest first, without the documents."""
    return list(execution.bases.defer("document").order_by("pk"))


def basis_get(execution: Execution, sha256: str) -> Basis:
    """One that was kept; raises `Missing`."""
    found = execution.bases.filter(sha256=sha256).first()
    if found is None:
        raise Missing(f"Nothing that was shown of this execution has the SHA-256 {sha256}.")
    return found


def problem_findings(shown: Shown) -> list[Finding]:
    """Servers that DRS would not launch, as findings: the inventory may not know of them yet."""
    return [
        Finding(Severity.BLOCKING, code, key[1], sentence, "Sync the site, then check its protection groups.")
        for key, (code, sentence) in shown.look.problems.items()
    ]


# --- parts of the document ----------------------------------------------------------------------------------------


def _told_by(look: Look, findings: Collection[Finding]) -> dict[str, Any]:
    return {
        "findings": [
            {"severity": str(one.severity), "code": one.code, "subject": one.subject, "message": one.message}
            for one in [*findings, *look.findings]
        ],
        "instances": [one.document() for one in look.replaced],
        "not_asked": list(look.not_asked),
    }


def _step(step: BlueprintStep | StepRun) -> dict[str, str]:
    return {
        "name": step.name,
        "when": step.when,
        "kind": step.kind,
        "instructions": str(step.parameters.get("instructions", "")),
        "description": step.description,
        "link": step.link,
    }


def _sites(servers: Iterable[BlueprintServer]) -> dict[int, str]:
    return dict(Site.objects.filter(pk__in={one.site_id for one in servers}).values_list("pk", "name"))


def _run(row: ServerRun, sites: Mapping[int, str], look: Look) -> dict[str, Any]:
    snapshot = (row.recovery_snapshot_id, row.recovery_point_at) if row.recovery_snapshot_id else None
    return _server(row, sites, row.protection_group_name, snapshot, look)


def _server(
    server: BlueprintServer | ServerRun,
    sites: Mapping[int, str],
    group: str,
    snapshot: tuple[str, datetime | None] | None,
    look: Look,
) -> dict[str, Any]:
    code, problem = look.problems.get((server.site_id, server.source_server_id), ("", ""))
    return {
        "site": sites.get(server.site_id, ""),
        "source_server_id": server.source_server_id,
        "hostname": server.hostname,
        "protection_group": group,
        "recovery_snapshot_id": snapshot[0] if snapshot else None,
        "recovery_point_at": snapshot[1].isoformat() if snapshot and snapshot[1] else None,
        "problem_code": code,
        "problem": problem,
    }


def _moved(rows: Collection[ServerRun], now: Collection[BlueprintServer], look: Look) -> dict[str, Any]:
    frozen = {(row.site_id, row.source_server_id): row for row in rows}
    current = {(one.site_id, one.source_server_id): one for one in now}
    sites = _sites(now) | {row.site_id: row.site.name for row in rows}

    def short(server: BlueprintServer | ServerRun) -> dict[str, str]:
        return {
            "site": sites[server.site_id],
            "source_server_id": server.source_server_id,
            "hostname": server.hostname,
        }

    return {
        "joined": [short(one) for key, one in current.items() if key not in frozen],
        "left": [short(row) for key, row in frozen.items() if key not in current and key not in look.problems],
    }
