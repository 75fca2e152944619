"""Live recovery instances that a launch would delete, as people see them before they name them, and afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from executions.core.stake import Replaced, replaced_of, summary
from executions.models import Execution
from executions.services.stake import StakeNow
from foundation.wording import ago, count


@dataclass(frozen=True, slots=True)
class StakeCard:
    """What is at stake in one sentence, and instance by instance: name and what it is."""

    sentence: str
    lines: tuple[tuple[str, str], ...]
    #: Why DRS could not be asked; empty if it was.
    unavailable: str = ""

    @property
    def total(self) -> int:
        return len(self.lines)


def stake_card(now_at_stake: StakeNow, now: datetime) -> StakeCard | None:
    """Before a launch; None where nothing is at stake."""
    if now_at_stake.unavailable:
        return StakeCard("", (), now_at_stake.unavailable)
    if not now_at_stake.instances:
        return None
    return StakeCard(summary(now_at_stake.instances), _lines(now_at_stake.instances, now))


def acknowledged_card(execution: Execution, now: datetime) -> StakeCard | None:
    """What was named for the execution, for who approves it or reads it later; None where nothing was."""
    found = [replaced_of(document) for document in execution.acknowledged]
    if not found:
        return None
    by = ", ".join(dict.fromkeys(one.acknowledged_by for one in found))
    instances = count(len(found), "live recovery instance")
    sentence = f"{by} named {instances} that DRS may delete for this {execution.kind}."
    return StakeCard(sentence, _lines(found, now))


def _lines(instances: Sequence[Replaced], now: datetime) -> tuple[tuple[str, str], ...]:
    return tuple((one.name, _what(one, now)) for one in instances)


def _what(one: Replaced, now: datetime) -> str:
    since = f", recovered {ago(one.launched_at, now)}" if one.launched_at else ""
    listed = "" if one.is_listed else ", no longer listed by DRS, may still be in production"
    unknown = f"an instance of unknown id, named by {one.name}"
    return f"{one.hostname} as {one.instance_id or unknown}{since}{listed}"
