"""The tries of steps that AWS carries out: runbooks, commands and functions.

What AWS is asked for is committed before it is asked, and that it answered is committed after. A try without an answer
is not simply asked for again. A runbook carries the try's key as its token, so that asking twice starts it once. A
command carries the key in its comment: it is looked for, and sent again only when AWS would have shown it by now. A
function leaves nothing to be found by, and a person has to look.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from django.conf import settings
from django.utils import timezone

from drs.automation_port import INSTANCES_PER_COMMAND, INVOCATION_SECONDS, AutomationPort, Command, CommandInvocation
from drs.errors import PASSING, DrsError, OutcomeUnknown
from executions import transitions
from executions.core.states import ServerStatus
from executions.crashpoints import crash_point
from executions.engine import leases
from executions.models import ServerRun, StepRun
from executions.transitions import Claim
from plans.core.steps import StepKind
from protection.gateways import automation
from protection.models import Site

Answer = TypeVar("Answer")

#: As many commands as their ids fit into a step's row.
_COMMANDS = 6
#: Clocks differ: a command may be dated so much before it was sent.
_CLOCK_SKEW = timedelta(minutes=5)
#: An answer is recorded within this share of the longest time that a call may take: 15 of 30 s.
_SHARE_TO_RECORD = 1 / 2


@dataclass(frozen=True, slots=True)
class Said:
    """How a try stands. `running`: look at the same try again.

    `unsafe`: it is not to be tried again without a person, because it may have been carried out, or cannot be.
    """

    succeeded: bool
    text: str
    running: bool = False
    unsafe: bool = False


class _Settled(Exception):
    """How the try stands is known, and there is nothing more to ask."""

    def __init__(self, said: Said) -> None:
        super().__init__(said.text)
        self.said = said


def attempt(claim: Claim, parameters: Mapping[str, Any]) -> Said:
    """Begin the try that was claimed, find it again, or look how it stands. `parameters` are filled in."""
    step = claim.step
    try:
        asked = step.asked or _to_ask(step, parameters)
        site = Site.objects.filter(pk=asked["site"]).first()
        if site is None:
            raise _impossible("The site where it runs is no longer there.")
        return _KINDS[StepKind(step.kind)](claim, asked, automation(site))
    except _Settled as settled:
        return settled.said


# --- one small function per kind ----------------------------------------------------------------------------------


def _runbook(claim: Claim, asked: Mapping[str, Any], aws: AutomationPort) -> Said:
    step, name = claim.step, asked["document_name"]
    if not step.external_id:
        # A token that may have been taken already stays in doubt until AWS names what it started.
        start = partial(aws.start_automation, token=str(step.attempt_key), **_document(asked))
        started = _begin(claim, asked, start, in_doubt=step.unanswered_since is not None)
        transitions.step_started(claim, started)
        return _running(f"Runbook {name} has started: {started}.")
    found = _look(partial(aws.automation, step.external_id))
    if found is None:
        return _running(f"AWS does not show the runbook's execution {step.external_id} yet.")
    if found.succeeded:
        return Said(True, f"Runbook {name} succeeded: {found.automation_id}.")
    if found.failed:
        why = f" {_short(found.failure)}" if found.failure else ""
        return Said(False, f"Runbook {name} ended as {found.status}: {found.automation_id}.{why}")
    return _running(f"Runbook {name} is {found.status}: {found.automation_id}.")


def _command(claim: Claim, asked: Mapping[str, Any], aws: AutomationPort) -> Said:
    """One command takes so many instances; for more of them there are several, sent one after the other."""
    instances: Sequence[str] = asked["instance_ids"]
    batches = [instances[at : at + INSTANCES_PER_COMMAND] for at in range(0, len(instances), INSTANCES_PER_COMMAND)]
    sent = claim.step.external_id.split(",") if claim.step.external_id else []

    def comment() -> str:
        return f"drsorch {claim.step.attempt_key} {len(sent) + 1}/{len(batches)}"

    def note(command_id: str) -> None:
        sent.append(command_id)
        transitions.step_started(claim, ",".join(sent))

    found = _found_again(claim, asked, aws, comment())
    if found is not None:
        note(found.command_id)
    known = len(sent)
    for batch in batches[known:]:
        send = partial(aws.send_command, instance_ids=batch, comment=comment(), **_document(asked))
        note(_begin(claim, asked, send))
    if len(sent) > known:
        return _running(f"{asked['document_name']} was sent to {_counted(instances)}: {', '.join(sent)}.")
    return _of_commands(asked, [_look(partial(aws.command, each)) for each in sent])


def _function(claim: Claim, asked: Mapping[str, Any], aws: AutomationPort) -> Said:
    name = asked["function_name"]
    if claim.step.unanswered_since is not None:
        return Said(
            False,
            f"Function {name} may have run: it was asked to, and nobody was left to hear its answer. Look into its "
            f"log, then retry the step or skip it.",
            unsafe=True,
        )
    invoke = partial(aws.invoke, name, asked["payload"])
    answer = _begin(claim, asked, invoke, seconds=INVOCATION_SECONDS, can_be_found=False)
    if answer.error:
        return Said(False, f"Function {name} failed ({answer.error}): {_short(answer.payload)}")
    return Said(True, f"Function {name} answered {_short(answer.payload)}")


_KINDS: Mapping[StepKind, Callable[[Claim, Mapping[str, Any], AutomationPort], Said]] = {
    StepKind.SSM_AUTOMATION: _runbook,
    StepKind.SSM_COMMAND: _command,
    StepKind.LAMBDA: _function,
}


# --- asking -------------------------------------------------------------------------------------------------------


def _begin(
    claim: Claim,
    asked: Mapping[str, Any],
    ask: Callable[[], Answer],
    *,
    seconds: float = 0,
    in_doubt: bool = False,
    can_be_found: bool = True,
) -> Answer:
    """Commit the intent, then ask. Raises `_Settled` unless AWS has answered with success.

    `in_doubt`: AWS may have carried it out when it was asked before. `can_be_found`: what it started can be looked up.
    """
    hold = max(seconds, settings.DRSORCH_LEASE_SECONDS) + settings.DRSORCH_CALL_LIMIT_SECONDS * _SHARE_TO_RECORD
    intended_at = timezone.now()
    if not transitions.step_asking(claim, dict(asked), hold):
        raise _Settled(_running("Another worker has this step."))
    crash_point("step.after_intent")
    if leases.is_held_up(intended_at):
        if not in_doubt:
            transitions.step_not_started(claim)
        raise _Settled(_running("AWS was not asked, because the process that was to ask it was held up."))
    try:
        answer = ask()
    except OutcomeUnknown as error:
        raise _Settled(Said(False, error.message, running=can_be_found, unsafe=not can_be_found)) from error
    except DrsError as error:
        passing = isinstance(error, PASSING)
        if not in_doubt:
            transitions.step_not_started(claim)
        elif not passing:
            text = f"{error.message} But AWS was asked before, and may have carried it out then: look there first."
            raise _Settled(Said(False, text, unsafe=True)) from error
        raise _Settled(Said(False, error.message, running=passing)) from error
    crash_point("step.after_call")
    return answer


def _look(look: Callable[[], Answer]) -> Answer:
    """Ask how something stands. Raises `_Settled` if AWS does not say: then nothing is to be begun anew."""
    try:
        return look()
    except PASSING as error:
        raise _Settled(_running(error.message)) from error
    except DrsError as error:
        text = f"{error.message} What was started may go on at AWS: drsorch cannot see it."
        raise _Settled(Said(False, text, unsafe=True)) from error


def _found_again(claim: Claim, asked: Mapping[str, Any], aws: AutomationPort, comment: str) -> Command | None:
    """The command whose answer never came. None if there is none, or if AWS would show it by now and does not."""
    since = claim.step.unanswered_since
    if since is None:
        return None
    name = asked["document_name"]
    found = _look(partial(aws.commands, comment=comment, sent_after=since - _CLOCK_SKEW, document_name=name))
    window = timedelta(seconds=settings.DRSORCH_VISIBILITY_WINDOW_SECONDS)
    if not found and timezone.now() < since + window:
        raise _Settled(_running(f"It is not known whether {name} was sent: AWS does not show it, so far."))
    return found[0] if found else None


def _of_commands(asked: Mapping[str, Any], commands: Sequence[Command | None]) -> Said:
    name, instances = asked["document_name"], asked["instance_ids"]
    visible = [command for command in commands if command is not None]
    if len(visible) < len(commands):
        return _running(f"AWS does not show what became of {name} yet.")
    if any(not command.finished for command in visible):
        return _running(f"{name} on {_counted(instances)}: {', '.join(command.status for command in visible)}.")
    heard = {each.instance_id: each for command in visible for each in command.invocations}
    failed = [each for each in heard.values() if each.failed]
    # A command's own status is no proof of success: every instance has to say so.
    silent = [each for each in instances if each not in heard or not (heard[each].succeeded or heard[each].failed)]
    unheard = f" Nothing was heard of {_counted(silent)}." if silent else ""
    if failed:
        whose = "; ".join(_of_instance(each) for each in failed[:3])
        more = f"; and {len(failed) - 3} more" if len(failed) > 3 else ""
        return Said(False, f"{name} failed on {len(failed)} of {_counted(instances)}: {whose}{more}.{unheard}")
    if not all(command.succeeded for command in visible):
        ended = ", ".join(f"{command.command_id} as {command.status}" for command in visible)
        return Said(False, f"{name} on {_counted(instances)} ended: {ended}.{unheard}")
    if silent:
        return _running(f"{name} is said to have succeeded; {_counted(silent)} have not said so themselves yet.")
    return Said(True, f"{name} succeeded on {_counted(instances)}.")


# --- what to ask for ----------------------------------------------------------------------------------------------


def _to_ask(step: StepRun, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What AWS is to be asked for, and at which site (its id). Raises `_Settled` if that cannot be said."""
    site = _site(step, parameters.get("site", ""))
    asked = {key: value for key, value in parameters.items() if key not in ("site", "retries", "instance_ids")}
    if step.kind == StepKind.SSM_COMMAND:
        asked["instance_ids"] = _instances(step, site, parameters.get("instance_ids"))
    return {**asked, "site": site.pk}


def _site(step: StepRun, name: str) -> Site:
    if name:
        named = Site.objects.filter(name=name).first()
        if named is None:
            raise _impossible(f"There is no site “{name}”: name one that there is in the step's site.")
        return named
    of_wave = ServerRun.objects.filter(wave=step.wave_id)
    servers = of_wave if of_wave.exists() else ServerRun.objects.filter(execution=step.execution_id)
    sites = list(Site.objects.filter(pk__in=servers.values("site")).order_by("name"))
    if len(sites) != 1:
        where = f"at {', '.join(site.name for site in sites)}" if sites else "none"
        raise _impossible(
            f"It is not clear at which site it runs, the servers are {where}: name one in the step's site."
        )
    return sites[0]


def _instances(step: StepRun, site: Site, named: Sequence[str] | None) -> list[str]:
    if named is None:
        launched = ServerRun.objects.filter(wave=step.wave_id, site=site, status=ServerStatus.LAUNCHED)
        named = list(launched.order_by("position").values_list("recovery_instance_id", flat=True))
    instances = list(dict.fromkeys(each for each in named if each))
    if not instances:
        raise _impossible("There is no instance to run it on: the wave has recovered none at its site, or names none.")
    most = _COMMANDS * INSTANCES_PER_COMMAND
    if len(instances) > most:
        raise _impossible(f"It would run on {len(instances)} instances; {most} are the most: make several steps of it.")
    return instances


def _document(asked: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "document_name": asked["document_name"],
        "document_version": asked.get("document_version", ""),
        "parameters": asked.get("parameters", {}),
    }


# --- words --------------------------------------------------------------------------------------------------------


def _running(text: str) -> Said:
    return Said(False, text, running=True)


def _impossible(text: str) -> _Settled:
    return _Settled(Said(False, text, unsafe=True))


def _of_instance(invocation: CommandInvocation) -> str:
    details = invocation.details or invocation.status
    return f"{invocation.instance_id} {details}" + (f", “{_short(invocation.output)}”" if invocation.output else "")


def _counted(instances: Sequence[str]) -> str:
    return "1 instance" if len(instances) == 1 else f"{len(instances)} instances"


def _short(text: str, limit: int = 300) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[:limit]}…"
