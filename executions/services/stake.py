"""What people say may be deleted, held against what DRS would delete now."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from access import policy
from executions.core.stake import Replaced, named, names_of_nothing, replaced_of, sentence, summary, unacknowledged
from executions.engine.stake import would_replace
from executions.models import Execution, ServerRun
from foundation.errors import Conflict, FieldError, Invalid, NotAllowed, Unavailable
from foundation.wording import listing
from plans.core import BlueprintServer
from plans.models import Plan

_FIELD = "replace_instances"
#: Ends the `type` of the problem, and is the code of each of its errors.
LIVE_RECOVERY_INSTANCE = "live_recovery_instance"


def stake_acknowledge(
    servers: Iterable[BlueprintServer | ServerRun],
    names: Collection[str],
    *,
    by: AbstractBaseUser,
    on: Plan | Execution,
    already: Collection[Replaced] = (),
    replaced: Collection[Replaced] | None = None,
) -> list[Replaced]:
    """The live recovery instances of these servers that are named: they may be deleted. DRS is asked now, unless
    `replaced` is what it has just said. `on` is what launches them.

    Raises `NotAllowed` if `by` names one and may not start a recovery, `Conflict` if one is neither named nor
    acknowledged `already`, `Invalid` if a name is of no instance of these servers, and `Unavailable` if DRS cannot be
    asked.
    """
    replaced = would_replace(servers) if replaced is None else replaced
    # A retry that is asked for twice names what the first one has acknowledged.
    if unknown := names_of_nothing([*replaced, *already], names):
        raise Invalid.of(
            [
                FieldError(
                    _FIELD,
                    f"{name} is not an instance that a launch of these servers would delete. It may be gone, or belong "
                    "to another server.",
                    "unknown",
                    name,
                )
                for name in unknown
            ]
        )
    given = named(replaced, names)
    if new := unacknowledged(given, already):
        check_may_replace(by, new, on)
    if missing := unacknowledged(replaced, [*given, *already]):
        errors = [FieldError(_FIELD, sentence(one), LIVE_RECOVERY_INSTANCE, one.name) for one in missing]
        raise Conflict(f"Nothing was launched. {summary(missing)}", errors=errors, code=LIVE_RECOVERY_INSTANCE)
    return given


def may_replace(by: AbstractBaseUser | AnonymousUser, on: Plan | Execution) -> bool:
    """True if the person may name live recovery instances: only those who may start a recovery may delete one."""
    return policy.may(by, "executions.start_recovery", on=on)


def check_may_replace(by: AbstractBaseUser, instances: Collection[Replaced], on: Plan | Execution) -> None:
    """Raises `NotAllowed` unless the person may say that these are deleted, and `RecentSignInNeeded` as a recovery."""
    if not may_replace(by, on):
        names = listing([one.name for one in instances], 3)
        roles = ", ".join(policy.roles_with("executions.start_recovery"))
        raise NotAllowed(
            f"Nothing was launched: you may not name {names}, because that lets DRS delete a live recovery instance. "
            f"Ask someone with one of these roles to do it: {roles}."
        )
    policy.require(by, "executions.start_recovery", on=on)


@dataclass(frozen=True, slots=True)
class StakeNow:
    """What people have to name, as a page shows it. `unavailable` says why DRS could not be asked; empty if it was."""

    instances: tuple[Replaced, ...] = ()
    unavailable: str = ""


def stake_now(servers: Iterable[BlueprintServer | ServerRun], *, already: Collection[Replaced] = ()) -> StakeNow:
    """The live recovery instances of these servers that nobody acknowledged, asked of DRS now."""
    try:
        return StakeNow(tuple(unacknowledged(would_replace(servers), already)))
    except Unavailable as error:
        return StakeNow(unavailable=error.detail)


def acknowledged_of(execution: Execution) -> list[Replaced]:
    """What people have said may be deleted for the execution."""
    return [replaced_of(document) for document in execution.acknowledged]
