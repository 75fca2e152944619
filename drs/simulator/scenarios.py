"""Worlds from files: which accounts, Regions and source servers there are when the simulator starts.

A scenario is JSON; the bundled ones lie in `drs/simulator/scenarios/`. Its servers come in groups, and `{n}` in a
group's hostname or tags counts from 1 (`{n:02d}`), `{batch}` counts every 40 servers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from drs.simulator.accounts import Account, Role
from drs.simulator.errors import ScenarioError
from drs.simulator.jobs import Durations
from drs.simulator.quotas import Limits
from drs.simulator.state import GIB, Server, identifier

BUNDLED = Path(__file__).parent / "scenarios"
#: How long a simulated server has been replicating when its world begins.
REPLICATING_SINCE = timedelta(days=30)
BATCH = 40


@dataclass(frozen=True, slots=True)
class RegionPlan:
    account: str
    region: str
    initialised: bool
    groups: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Scenario:
    name: str
    description: str = ""
    page_size: int = 25
    jobs_name_instances: bool = False
    termination_jobs_end_empty: bool = False
    limits: Limits = field(default_factory=Limits)
    durations: Durations = field(default_factory=Durations)
    accounts: tuple[Account, ...] = ()
    regions: tuple[RegionPlan, ...] = ()
    faults: tuple[Mapping[str, Any], ...] = ()


def bundled_names() -> list[str]:
    return sorted(path.stem for path in BUNDLED.glob("*.json"))


def load(name_or_path: str) -> Scenario:
    """A bundled scenario by name, or one from a file. Raises `ScenarioError` with a sentence."""
    path = BUNDLED / f"{name_or_path}.json" if name_or_path in bundled_names() else Path(name_or_path)
    try:
        return parse(json.loads(path.read_text(encoding="utf-8")), name=path.stem)
    except OSError as error:
        names = ", ".join(bundled_names())
        raise ScenarioError(f"There is no scenario {name_or_path!r} ({error.strerror}); bundled are {names}.") from None
    except json.JSONDecodeError as error:
        raise ScenarioError(f"The scenario {path} is not JSON: {error}.") from None


def parse(document: Any, name: str = "scenario") -> Scenario:
    """A scenario from its JSON document."""
    members = _members(document, f"the scenario {name}", {
        "name", "description", "page_size", "jobs_name_instances", "termination_jobs_end_empty", "quotas", "durations",
        "accounts", "faults",
    })  # fmt: skip
    accounts, regions = [], []
    for entry in members.pop("accounts", ()):
        account, its_regions = _account(entry)
        accounts.append(account)
        regions += its_regions
    if not accounts:
        raise ScenarioError(f"The scenario {name} has no accounts.")
    limits = _dataclass(Limits, members.pop("quotas", {}), "quotas")
    durations = _dataclass(Durations, members.pop("durations", {}), "durations")
    faults = tuple(members.pop("faults", ()))
    page_size = members.get("page_size", 25)
    if not isinstance(page_size, int) or page_size < 1:
        raise ScenarioError("page_size must be a whole number of at least 1.")
    return replace(
        Scenario(name=name), **members, limits=limits, durations=durations, accounts=tuple(accounts),
        regions=tuple(regions), faults=faults,
    )  # fmt: skip


def _account(entry: Any) -> tuple[Account, list[RegionPlan]]:
    members = _members(entry, "an account", {"account_id", "access_keys", "roles", "regions", "regions_off"})
    account_id = members.get("account_id", "")
    if not (isinstance(account_id, str) and len(account_id) == 12 and account_id.isdigit()):
        raise ScenarioError(f"account_id must be 12 digits, not {account_id!r}.")
    roles = {}
    for role in members.get("roles", ()):
        named = _members(role, "a role", {"name", "external_id", "source_identity"}, needs="name")
        arn = f"arn:aws:iam::{account_id}:role/{named['name']}"
        roles[arn] = Role(arn, named.get("external_id", ""), named.get("source_identity", True) is not False)
    account = Account(
        account_id, tuple(members.get("access_keys", ())), roles, frozenset(members.get("regions_off", ()))
    )
    regions = []
    for region in members.get("regions", ()):
        given = _members(region, "a Region", {"region", "initialised", "servers"}, needs="region")
        regions.append(
            RegionPlan(account_id, given["region"], given.get("initialised", True), tuple(given.get("servers", ())))
        )
    return account, regions


_GROUP = {
    "hostname", "count", "os", "tags", "cores", "ram_gib", "disks_gib", "state", "lag_seconds", "error",
    "staging_account_id", "recovery_mode", "direction", "in_ec2",
}  # fmt: skip


def servers(plan: RegionPlan, seed: int, now: datetime) -> Iterator[Server]:
    """The servers of a Region's groups, in order, with ids that depend on seed, account, Region and hostname."""
    sequence = 0
    for entry in plan.groups:
        group = _members(entry, "a group of servers", _GROUP)
        if "hostname" not in group:
            raise ScenarioError('A group of servers needs a hostname, for example "shop-web-{n:02d}".')
        for number in range(1, group.get("count", 1) + 1):
            sequence += 1
            yield _server(plan, group, now, number=number, sequence=sequence, seed=seed)


def _server(
    plan: RegionPlan, group: Mapping[str, Any], now: datetime, *, number: int, sequence: int, seed: int
) -> Server:
    hostname = _counted(group["hostname"], number)
    identity = identifier("s", seed, plan.account, plan.region, hostname)
    return Server(
        id=identity,
        sequence=sequence,
        arn=f"arn:aws:drs:{plan.region}:{plan.account}:source-server/{identity}",
        hostname=hostname,
        os=group.get("os", "Ubuntu 22.04.4 LTS"),
        tags={key: _counted(text, number) for key, text in group.get("tags", {}).items()},
        cores=group.get("cores", 2),
        ram_bytes=int(group.get("ram_gib", 8) * GIB),
        disks=tuple(int(size * GIB) for size in group.get("disks_gib", (50,))),
        ip=f"10.{sequence >> 16 & 255}.{sequence >> 8 & 255}.{sequence & 255}",
        replication_state=group.get("state", "CONTINUOUS"),
        replication_error=group.get("error", ""),
        lag_seconds=float(group.get("lag_seconds", 0)),
        lag_since=now,
        added_at=now - REPLICATING_SINCE,
        staging_account_id=group.get("staging_account_id", ""),
        aws_instance_id=identifier("i", identity, "origin") if group.get("in_ec2") else "",
        replication_direction=group.get("direction", "FAILOVER"),
        launch_configuration={
            "sourceServerID": identity,
            "name": hostname,
            "ec2LaunchTemplateID": identifier("lt", identity),
            "launchDisposition": "STARTED",
            "targetInstanceTypeRightSizingMethod": "BASIC",
            "copyPrivateIp": False,
            "copyTags": True,
            "licensing": {"osByol": False},
            "postLaunchEnabled": False,
            "recoveryMode": group.get("recovery_mode", "OPTIMAL"),
        },
    )


def _counted(text: str, number: int) -> str:
    try:
        return text.format(n=number, batch=(number - 1) // BATCH + 1)
    except (KeyError, IndexError, ValueError):
        raise ScenarioError(f"{text!r} has a placeholder other than {{n}} and {{batch}}.") from None


def _members(value: Any, what: str, known: set[str], *, needs: str = "") -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ScenarioError(f"{what.capitalize()} must be an object.")
    unknown = sorted(set(value) - known)
    if unknown:
        raise ScenarioError(f"{what.capitalize()} has unknown members: {', '.join(unknown)}.")
    if needs and not value.get(needs):
        raise ScenarioError(f"{what.capitalize()} lacks its {needs}.")
    return dict(value)


def _dataclass(kind: Any, given: Any, what: str) -> Any:
    return kind(**_members(given, what, {entry.name for entry in fields(kind)}))
