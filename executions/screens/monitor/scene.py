"""What a need is made of: its buttons, whom to ask for them, and all that was read."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.urls import reverse

from access import policy
from executions.core.states import EXECUTION_ACTIVE
from executions.models import Execution, ServerRun
from executions.screens.monitor.reading import MonitorRows
from executions.screens.monitor.waves import Failure
from executions.screens.selectors import ExecutionRows
from executions.services.commands import Command, Facts
from foundation.wording import Tone, listing


@dataclass(frozen=True, slots=True)
class Move:
    """A button. `id` is the element's."""

    id: str
    label: str
    icon: str
    address: str
    danger: bool = False
    primary: bool = False
    #: The command that it carries out.
    command: str = ""


@dataclass(frozen=True, slots=True)
class Need:
    tone: Tone
    icon: str
    title: str
    #: What AWS or drsorch said, word for word, with what it is about.
    quotes: tuple[tuple[str, str], ...] = ()
    lines: tuple[str, ...] = ()
    #: A page that says more.
    link: str = ""
    #: The wave it is in: its position and name.
    wave: tuple[int, str] | None = None
    moves: tuple[Move, ...] = ()
    #: Whom to ask, for whoever is offered no move.
    ask: str = ""


@dataclass(frozen=True, slots=True)
class Scene:
    rows: ExecutionRows
    monitor: MonitorRows
    facts: Facts
    #: Names of the commands that the reader is offered.
    offered: Collection[str]
    now: datetime
    servers: Sequence[ServerRun]
    failed: Sequence[Failure]

    @property
    def execution(self) -> Execution:
        return self.rows.execution

    @property
    def is_active(self) -> bool:
        return self.execution.status in EXECUTION_ACTIVE

    def move(self, command: Command, *, about: str = "", label: str = "", to: str = "", **query: str) -> Move:
        """The button of a command; the first of a need stands out."""
        address = reverse("admin:executions_execution_command", args=[self.execution.pk, command.name])
        asked = f"?{urlencode(query)}" if query else ""
        return Move(
            id=f"need-{about}-{command.name}{'-' + to if to else ''}" if about else f"command-{command.name}",
            label=label or command.label,
            icon=command.icon,
            address=f"{address}{asked}{'#' + to if to else ''}",
            danger=command.danger,
            command=command.name,
        )

    def moves(self, *moves: Move) -> tuple[Move, ...]:
        """Those that the reader may press."""
        return tuple(move for move in moves if move.command in self.offered)

    def ask(self, command: Command, what: str) -> str:
        """Whom to ask for it; empty for whoever may press, and where nobody can."""
        if command.name in self.offered or not command.offered(self.facts):
            return ""
        execution = self.execution
        roles = listing([_a(role) for role in policy.roles_with(command.permission)], last="or")
        other = f" other than {execution.requested_by_name}" if command.others_only else ""
        return f"Ask {roles}{other} to {what}."


def _a(role: str) -> str:
    return f"{'an' if role[0] in 'aeiou' else 'a'} {role}"
