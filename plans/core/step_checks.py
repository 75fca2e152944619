"""What a run of the plan would find out about its steps too late: a step that cannot work, before anything is launched.

Each sentence here stands for one with which the engine (`executions.engine.steps`) fails a step, where the plan and the
inventory already tell. A step that certainly fails blocks a start; one whose failure the plan ignores is a warning.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final
from urllib.parse import urlsplit

from foundation.wording import count, listing
from plans.core.facts import PlanFacts, ServerFacts, StepFacts, WaveFacts
from plans.core.findings import Finding, Severity
from plans.core.graph import Graph, order
from plans.core.steps import StepKind, StepWhen
from plans.core.steps.ssm_command import MOST_INSTANCES
from plans.core.steps.variables import OF_SERVER, PATTERN, VARIABLES, named_in, written

#: Carried out by AWS, at a site.
AT_AWS: Final = frozenset({StepKind.SSM_AUTOMATION, StepKind.SSM_COMMAND, StepKind.LAMBDA})
#: What a variable becomes in an address whose form alone is looked at.
_PLACEHOLDER: Final = "variable"
_IDNA: Final = "idna"


def host_of(step: StepFacts) -> str:
    """The host that a check asks, variables and all; empty for a step that is no check."""
    if step.kind == StepKind.TCP_CHECK:
        return str(step.parameters["host"]).strip()
    if step.kind != StepKind.HTTP_CHECK:
        return ""
    # A variable may hold what `urlsplit` would stumble over: it is put back once the host is found.
    url = str(step.parameters["url"])
    variables = [match[0] for match in PATTERN.finditer(url)]
    numbers = iter(range(len(variables)))
    try:
        host = urlsplit(PATTERN.sub(lambda match: f"{_PLACEHOLDER}{next(numbers)}x", url)).hostname or ""
    except ValueError:
        return ""
    for index, variable in enumerate(variables):
        host = host.replace(f"{_PLACEHOLDER}{index}x", variable)
    return host


@dataclass(frozen=True, slots=True)
class _Place:
    """A step where it stands, and what is launched by the time it runs."""

    plan: PlanFacts
    position: int
    step: StepFacts
    #: Waves that have certainly ended, and those that may have.
    before: frozenset[int]
    perhaps: frozenset[int]

    @property
    def wave(self) -> WaveFacts:
        return self.plan.waves[self.position]

    @property
    def is_after(self) -> bool:
        return self.step.when == StepWhen.AFTER

    @property
    def words(self) -> str:
        return f"Step “{self.step.name}” of wave “{self.wave.name}”"

    def launched(self, *, perhaps: bool) -> list[ServerFacts]:
        positions = self.before | self.perhaps if perhaps else self.before
        return [server for position in sorted(positions) for server in self.plan.waves[position].servers]

    def fails(self, code: str, message: str, remedy: str) -> Finding:
        severity = Severity.BLOCKING if self.step.stops else Severity.WARNING
        return self.finding(severity, code, message, remedy)

    def finding(self, severity: Severity, code: str, message: str, remedy: str) -> Finding:
        # Neither name has a slash in it: the subject is one of a kind in the plan.
        return Finding(severity, code, f"{self.wave.name}/{self.step.name}", message, remedy)


def of_steps(plan: PlanFacts) -> Iterator[Finding]:
    """Every finding about a step, in the order of the plan."""
    # Before a site was ever read its servers are unknown, which is a finding of its own.
    servers_known = all(group.site.last_synced_at is not None for wave in plan.waves for group in wave.groups)
    for place in _places(plan):
        yield from _of_variables(place, servers_known)
        yield from _of_host(place)
        if place.step.kind in AT_AWS:
            yield from _of_site(place, servers_known)
        if place.step.kind == StepKind.APPROVAL and not plan.approvers:
            yield place.finding(
                Severity.WARNING,
                "step_no_approver",
                f"{place.words} waits for approval, but no one has the role approver.",
                "Ask an administrator to give someone the role.",
            )


def _places(plan: PlanFacts) -> Iterator[_Place]:
    before = _ancestors(plan.graph)
    for position, wave in enumerate(plan.waves):
        after = {other for other, waited_for in enumerate(before) if position in waited_for}
        for step in wave.steps:
            certain = before[position] | ({position} if step.when == StepWhen.AFTER else set())
            perhaps = set(range(len(plan.waves))) - certain - after - {position}
            yield _Place(plan, position, step, frozenset(certain), frozenset(perhaps))


def _ancestors(graph: Graph) -> list[set[int]]:
    """By wave, every wave that has ended before it starts."""
    found: list[set[int]] = [set() for _ in graph]
    for position in order(graph):
        for waited_for in graph[position]:
            found[position] |= {waited_for, *found[waited_for]}
    return found


# --- variables ----------------------------------------------------------------------------------------------------


def _of_variables(place: _Place, servers_known: bool) -> Iterator[Finding]:
    for name in named_in(dict(place.step.parameters)):
        head, colon, server = name.partition(":")
        if colon and head in OF_SERVER:
            if servers_known:
                yield from _of_server(place, name, server)
        elif name not in VARIABLES:
            known = [written(one) for one in VARIABLES] + [written(f"{one}:<host name>") for one in OF_SERVER]
            yield place.fails(
                "variable_unknown",
                f"{place.words} uses {written(name)}, which is not a variable.",
                f"Use one of these: {', '.join(known)}.",
            )
        elif servers_known and VARIABLES[name].several and not _stands_for(place, name, perhaps=True):
            yield place.finding(
                Severity.WARNING,
                "variable_empty",
                f"{place.words} uses {written(name)}, but nothing has been launched by then, so it is empty.",
                "Run the step after the wave." if not place.is_after else "Remove the variable.",
            )


def _stands_for(place: _Place, name: str, *, perhaps: bool) -> list[ServerFacts]:
    """The servers whose values a variable of several values has when the step runs."""
    if not VARIABLES[name].of_wave:
        return place.launched(perhaps=perhaps)
    return list(place.wave.servers) if place.is_after else []


def _of_server(place: _Place, name: str, server: str) -> Iterator[Finding]:
    """A variable that names a server."""
    wave_of = {one.source_server_id: at for at, wave in enumerate(place.plan.waves) for one in wave.servers}
    servers = [one for wave in place.plan.waves for one in wave.servers]
    named = [one for one in servers if server == one.source_server_id]
    named = named or [one for one in servers if server == one.hostname]
    if not named:
        names = [one for each in servers for one in (each.hostname, each.source_server_id) if one]
        like = get_close_matches(server, names)
        yield place.fails(
            "variable_server_unknown",
            f"{place.words} uses {written(name)}, but no server of this plan has that host name or id.",
            f"Correct the name: is “{like[0]}” meant?" if like else "Correct the name, or add the server to the plan.",
        )
    elif len(named) > 1:
        ids = [one.source_server_id for one in named]
        yield place.fails(
            "variable_server_ambiguous",
            f"{place.words} uses {written(name)}, but {count(len(named), 'server')} of this plan have that host name.",
            f"Name the server by its source server id: {listing(ids, last='or')}.",
        )
    else:
        yield from _launched_in_time(place, name, named[0], wave_of[named[0].source_server_id])


def _launched_in_time(place: _Place, name: str, server: ServerFacts, position: int) -> Iterator[Finding]:
    if position in place.before:
        return
    wave = place.plan.waves[position].name
    what = f"{place.words} uses {written(name)}, but {server.label} is launched"
    if position in place.perhaps:
        yield place.finding(
            Severity.WARNING,
            "variable_server_uncertain",
            f"{what} in wave “{wave}”, which this wave does not wait for: it may not be running by then.",
            f"Make wave “{place.wave.name}” depend on wave “{wave}”.",
        )
    elif position == place.position:
        yield place.fails("variable_server_later", f"{what} after this step.", "Run the step after the wave.")
    else:
        yield place.fails(
            "variable_server_later",
            f"{what} in wave “{wave}”, after this step.",
            f"Move the step to wave “{wave}”, after its launches.",
        )


# --- checks -------------------------------------------------------------------------------------------------------


def _of_host(place: _Place) -> Iterator[Finding]:
    host = host_of(place.step)
    if not host:
        return
    if refused := place.plan.refused_hosts.get(host):
        # It is the settings of this process that refuse it, not the plan; a worker may have others.
        yield place.finding(
            Severity.WARNING,
            "address_refused",
            f"{place.words} checks an address that is refused: {refused}",
            "Check another address.",
        )
        return
    if not _is_host(PATTERN.sub(_PLACEHOLDER, host)):
        yield place.fails(
            "address_invalid",
            f"{place.words} checks “{host}”, which is not a host name or an address.",
            "Write a host name, an address, or a variable such as {{private_ip:web-1}}.",
        )
        return
    for name in named_in(host):
        if name not in VARIABLES or not VARIABLES[name].several:
            continue
        number = len(_stands_for(place, name, perhaps=False))
        if number > 1 or not _stands_for(place, name, perhaps=True):
            yield place.fails(
                "address_invalid",
                f"{place.words} checks {written(name)}, which stands for {number} addresses: a check asks one.",
                "Name one server, as in {{private_ip:web-1}}.",
            )


def _is_host(host: str) -> bool:
    """By its form alone, as the engine's `ascii_host` would take it."""
    if any(character.isspace() or character in "{}/@?#" for character in host):
        return False
    try:
        host.encode(_IDNA)
    except UnicodeError:
        return False
    return True


# --- at AWS -------------------------------------------------------------------------------------------------------


def _of_site(place: _Place, servers_known: bool) -> Iterator[Finding]:
    """Where AWS carries the step out, and on what: as `executions.engine.steps.at_aws` finds it out."""
    named = str(place.step.parameters.get("site", ""))
    if named_in(named):
        return  # it is known when the step runs
    if named and named not in place.plan.sites:
        yield place.fails(
            "step_site_unknown",
            f"{place.words} is to run at site “{named}”, which does not exist.",
            f"Choose an existing site: {listing(sorted(place.plan.sites_offered), last='or')}."
            if place.plan.sites_offered
            else "Choose an existing site, or create it first.",
        )
        return
    if not servers_known:
        return
    sites, whose = place.wave.sites, f"Wave “{place.wave.name}” spans"
    if not place.wave.servers:
        sites = tuple(sorted({site for wave in place.plan.waves for site in wave.sites}))
        whose = f"Wave “{place.wave.name}” has no servers, and the plan's are at"
    if not named and len(sites) != 1:
        yield place.fails(
            "step_site_unclear",
            f"{whose} {listing(sites)}: it is unclear where step “{place.step.name}” is to run."
            if sites
            else f"{place.words} names no site, and the plan has no servers to take it from.",
            f"Choose the site of step “{place.step.name}”.",
        )
        return
    if place.step.kind == StepKind.SSM_COMMAND:
        yield from _of_instances(place, named or sites[0])


def _of_instances(place: _Place, site: str) -> Iterator[Finding]:
    """What a command runs on: the instances that it names, or those that the wave has launched at the site."""
    named = place.step.parameters.get("instance_ids")
    if named is None:
        here = [server for group in place.wave.groups if group.site.name == site for server in group.servers]
        number = len(here) if place.is_after else 0
        most = number
    else:
        number, most = (_counted(place, named, perhaps=perhaps) for perhaps in (False, True))
    if most == 0:
        if named is not None:
            why = "names instances that are not there yet"
        elif place.is_after:
            why = f"has no instances to run on at site “{site}”"
        else:
            why = "runs before its wave launches anything"
        yield place.fails(
            "step_no_instances",
            f"{place.words} {why}.",
            "Run it after a wave that launches servers there, or name the instances.",
        )
    elif number > MOST_INSTANCES:
        yield place.fails(
            "step_too_many_instances",
            f"{place.words} would run on {number} instances; the maximum is {MOST_INSTANCES}.",
            "Split the step, or the wave.",
        )


def _counted(place: _Place, named: Sequence[str], *, perhaps: bool) -> int:
    """How many instances a list names, its variables of several values counted by what they stand for."""
    total = 0
    for each in named:
        whole = PATTERN.fullmatch(str(each).strip())
        variable = VARIABLES.get(whole[1]) if whole else None
        total += len(_stands_for(place, variable.name, perhaps=perhaps)) if variable and variable.several else 1
    return total
