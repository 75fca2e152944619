"""Two people's changes of a plan that do not go together, and what one of them chose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from foundation.errors import FieldError, Stale
from plans.core.document import PlanDocument
from plans.core.merging import Merged, Side
from plans.models import PlanRevision


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person chose where two had changed the same, by path, having been shown revision `seen`."""

    seen: int = 0
    take: Mapping[str, Side] = field(default_factory=dict)


class Clashing(Stale):
    """Two people's changes do not go together; nothing was written."""

    def __init__(
        self, detail: str, *, newest: PlanRevision, base: PlanDocument, theirs: PlanDocument, merged: Merged,
        problems: Sequence[FieldError],
    ) -> None:  # fmt: skip
        super().__init__(detail)
        self.newest, self.base, self.theirs = newest, base, theirs
        #: What to show: everything that goes together, and the caller's side where they clash.
        self.merged = merged
        #: Why the whole is not valid although nothing clashes.
        self.problems = tuple(problems)
