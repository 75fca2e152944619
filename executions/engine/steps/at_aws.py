"""Where AWS carries out a step, and what it is asked for: the part that runbooks, commands and functions share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from drs.automation_port import AutomationPort
from executions.engine.steps.asking import Settled
from executions.engine.steps.outcome import StepOutcome, final
from executions.models import ServerRun, StepRun
from executions.transitions import StepClaim
from protection.gateways import automation
from protection.models import Site

#: Parameters that say where and how often, not what.
_NOT_ASKED = ("site", "retries", "instance_ids")


def attempt(
    claim: StepClaim,
    parameters: Mapping[str, Any],
    carry_out: Callable[[StepClaim, Mapping[str, Any], AutomationPort], StepOutcome],
    *,
    more: Callable[[StepRun, Site, Mapping[str, Any]], Mapping[str, Any]] = lambda step, site, parameters: {},
) -> StepOutcome:
    """Begin the try that was claimed, find it again, or look what became of it. `parameters` are filled in.

    What AWS is asked for is worked out once a try: `more` adds what only this kind asks for.
    """
    step = claim.step
    try:
        asked = step.asked
        if not asked:
            site = _site(step, parameters.get("site", ""))
            asked = {key: value for key, value in parameters.items() if key not in _NOT_ASKED}
            asked |= {**more(step, site, parameters), "site": site.pk}
        found = Site.objects.filter(pk=asked["site"]).first()
        if found is None:
            raise impossible("The step's site no longer exists.")
        return carry_out(claim, asked, automation(found))
    except Settled as settled:
        return settled.outcome


def document(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What Systems Manager is to run."""
    return {
        "document_name": asked["document_name"],
        "document_version": asked.get("document_version", ""),
        "parameters": asked.get("parameters", {}),
    }


def impossible(text: str) -> Settled:
    """It cannot be asked for at all, now or later."""
    return Settled(final(text))


def _site(step: StepRun, name: str) -> Site:
    if name:
        named = Site.objects.filter(name=name).first()
        if named is None:
            raise impossible(f"Site “{name}” does not exist. Set the step's site to an existing one.")
        return named
    of_wave = ServerRun.objects.filter(wave=step.wave_id)
    servers = of_wave if of_wave.exists() else ServerRun.objects.filter(execution=step.execution_id)
    sites = list(Site.objects.filter(pk__in=servers.values("site")).order_by("name"))
    if len(sites) != 1:
        names = " and ".join(site.name for site in sites)
        why = f"The servers are at {names}" if sites else "There are no servers to take the site from"
        raise impossible(f"{why}: choose the step's site.")
    return sites[0]
