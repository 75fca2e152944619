"""What the apps above know of a plan: what of it is under way, while which it is not put aside, and its successes."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from access.policy import Person

#: Each names what of its app is under way of the plan, as people know it ("drill of Web shop").
_askers: list[Callable[[int], list[str]]] = []


def register(asker: Callable[[int], list[str]]) -> None:
    """Called once for each app, when it is ready."""
    if asker not in _askers:
        _askers.append(asker)


def under_way_of(plan_id: int) -> list[str]:
    return [name for asker in _askers for name in asker(plan_id)]


@dataclass(frozen=True, slots=True)
class Proof:
    """That a revision of a plan has succeeded, and the page of the newest run that did."""

    revision: int
    #: "drill of 24 Nov 2026 10:03:22 UTC".
    words: str
    url: str


#: Given the id of a plan, numbers of its revisions, and who asks: the newest success of each that has one, of what they
#: may see. With None in place of the numbers: the plan's newest success alone.
ProofsOf = Callable[[int, Collection[int] | None, Person], list[Proof]]
_provers: list[ProofsOf] = []


def register_proofs(proofs: ProofsOf) -> None:
    """Called once for each app, when it is ready."""
    if proofs not in _provers:
        _provers.append(proofs)


def proofs_of(plan_id: int, revisions: Collection[int], by: Person) -> dict[int, Proof]:
    """The newest success of each of these revisions that has one, by its number."""
    return {proof.revision: proof for proofs in _provers for proof in proofs(plan_id, revisions, by)}


def proved_last(plan_id: int, by: Person) -> Proof | None:
    """The plan's newest success."""
    return next((proof for proofs in _provers for proof in proofs(plan_id, None, by)), None)
