"""Run Command of Systems Manager, on the instances that a wave has launched.

A command carries the try's key in its comment: after a lost answer it is looked for, and sent again only when AWS would
have shown it by now. One command takes so many instances; for more of them there are several, sent one after the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.utils import timezone

from drs.automation_port import INSTANCES_PER_COMMAND, AutomationPort, Command, CommandInvocation
from executions import transitions
from executions.core.states import ServerStatus
from executions.engine.steps.asking import Settled, begin, look
from executions.engine.steps.at_aws import attempt, document, impossible
from executions.engine.steps.outcome import Result, StepOutcome, done, retry, running
from executions.models import ServerRun, StepRun
from executions.transitions import StepClaim
from foundation.wording import count, short
from plans.core.steps.ssm_command import MOST_INSTANCES
from protection.models import Site

#: Clocks differ: a command may be dated so much before it was sent.
_CLOCK_SKEW = timedelta(minutes=5)


def run(claim: StepClaim, parameters: Mapping[str, Any]) -> StepOutcome:
    return attempt(claim, parameters, _carry_out, more=_where)


def _carry_out(claim: StepClaim, asked: Mapping[str, Any], aws: AutomationPort) -> StepOutcome:
    instances: Sequence[str] = asked["instance_ids"]
    batches = [instances[at : at + INSTANCES_PER_COMMAND] for at in range(0, len(instances), INSTANCES_PER_COMMAND)]
    sent = claim.step.external_id.split(",") if claim.step.external_id else []

    comments = [f"drsorch {claim.step.attempt_key} {number + 1}/{len(batches)}" for number in range(len(batches))]

    def note(command_id: str) -> None:
        sent.append(command_id)
        transitions.step_started(claim, ",".join(sent))

    if claim.step.unanswered_since is not None:
        found = _found_again(claim, asked, aws, comments[len(sent)])
        if found is not None:
            note(found.command_id)
        else:
            asked = {**asked, "sent_again": True}
    known = len(sent)
    for number, batch in enumerate(batches[known:], start=known):
        send = partial(aws.send_command, instance_ids=batch, comment=comments[number], **document(asked))
        note(begin(claim, asked, send))
    if len(sent) > known:
        return running(f"{asked['document_name']} was sent to {count(len(instances), 'instance')}: {', '.join(sent)}.")
    outcome = _outcome(asked, [look(partial(aws.command, each)) for each in sent])
    if asked.get("sent_again") and outcome.result is not Result.RUNNING:
        return replace(outcome, text=outcome.text + _carried_out_late(claim, asked, aws, sent, comments))
    return outcome


def _carried_out_late(
    claim: StepClaim, asked: Mapping[str, Any], aws: AutomationPort, sent: Sequence[str], comments: Sequence[str]
) -> str:
    """What AWS has made of requests that were given up and sent again; empty if nothing."""
    since, name = (claim.step.started_at or timezone.now()) - _CLOCK_SKEW, asked["document_name"]
    found = [
        command.command_id
        for comment in comments
        for command in look(partial(aws.commands, comment=comment, sent_after=since, document_name=name))
    ]
    late = [each for each in found if each not in sent]
    return f" AWS carried out a request that had been given up, so it ran again as {', '.join(late)}." if late else ""


def _where(step: StepRun, site: Site, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    named: Sequence[str] | None = parameters.get("instance_ids")
    if named is None:
        launched = ServerRun.objects.filter(wave=step.wave_id, site=site, status=ServerStatus.LAUNCHED)
        named = list(launched.order_by("position").values_list("recovery_instance_id", flat=True))
    instances = list(dict.fromkeys(each for each in named if each))
    if not instances:
        raise impossible(
            "There are no instances to run on: the wave has launched none at this site, and the step names none."
        )
    if len(instances) > MOST_INSTANCES:
        raise impossible(
            f"It would run on {len(instances)} instances; the maximum is {MOST_INSTANCES}. Split the step."
        )
    return {"instance_ids": instances}


def _found_again(claim: StepClaim, asked: Mapping[str, Any], aws: AutomationPort, comment: str) -> Command | None:
    """The command whose answer never came; None if AWS would show it by now and does not."""
    since, until = claim.step.unanswered_since, claim.step.may_act_until
    if since is None or until is None:
        return None
    name = asked["document_name"]
    found = look(partial(aws.commands, comment=comment, sent_after=since - _CLOCK_SKEW, document_name=name))
    window = timedelta(seconds=settings.DRSORCH_VISIBILITY_WINDOW_SECONDS)
    if not found and timezone.now() < until + window:
        raise Settled(running(f"It is unclear whether {name} was sent: AWS does not show it yet."))
    return found[0] if found else None


def _outcome(asked: Mapping[str, Any], commands: Sequence[Command | None]) -> StepOutcome:
    """A command's own status is no proof of success: every instance has to say so."""
    name, instances = asked["document_name"], asked["instance_ids"]
    where = f"{name} on {count(len(instances), 'instance')}"
    visible = [command for command in commands if command is not None]
    if len(visible) < len(commands):
        return running(f"AWS does not show the result of {name} yet.")
    if any(not command.finished for command in visible):
        return running(f"{where}: {', '.join(command.status for command in visible)}.")
    heard = {each.instance_id: each for command in visible for each in command.invocations}
    failed = [each for each in heard.values() if each.failed]
    silent = [each for each in instances if each not in heard or not (heard[each].succeeded or heard[each].failed)]
    unheard = f" {count(len(silent), 'instance')} did not report." if silent else ""
    if failed:
        whose = "; ".join(_invocation(each) for each in failed[:3])
        more = f"; and {len(failed) - 3} more" if len(failed) > 3 else ""
        return retry(f"{name} failed on {len(failed)} of {count(len(instances), 'instance')}: {whose}{more}.{unheard}")
    if not all(command.succeeded for command in visible):
        ended = ", ".join(f"{command.command_id} as {command.status}" for command in visible)
        return retry(f"{where} ended: {ended}.{unheard}")
    if silent:
        have = "has" if len(silent) == 1 else "have"
        unreported = f"{count(len(silent), 'instance')} {have} not reported yet"
        return running(f"AWS reports that {name} succeeded, but {unreported}.")
    return done(f"{name} succeeded on {count(len(instances), 'instance')}.")


def _invocation(invocation: CommandInvocation) -> str:
    details = invocation.details or invocation.status
    return f"{invocation.instance_id} {details}" + (f", “{short(invocation.output)}”" if invocation.output else "")
