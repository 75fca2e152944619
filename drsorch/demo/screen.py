"""What the demo shows: live on a terminal, plain lines anywhere else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from drsorch.client import Json
from drsorch.demo.cast import Person
from foundation.durations import spoken

#: Server statuses in which nothing more happens to it.
ENDED = frozenset({"launched", "failed", "unknown", "skipped", "cancelled", "terminated"})
#: How far a server is when it enters a phase of its launch: for the bar to move by, not a measurement.
FAR = {"cleanup": 0.05, "snapshot": 0.15, "conversion": 0.35, "launch": 0.75, "post_launch": 0.9}
GOOD = frozenset({"succeeded", "launched", "terminated"})
BAD = frozenset({"failed", "unknown", "cancelled", "rejected"})


def show(console: Console, executions: Iterable[Json]) -> Json:
    """Show a drill while it runs. Returns it as it ended."""
    return _show_live(console, executions) if console.is_terminal else _show_lines(console, executions)


def _show_live(console: Console, executions: Iterable[Json]) -> Json:
    execution: Json = {}
    said: set[str] = set()
    with Live(console=console, auto_refresh=False, transient=True) as live:
        for execution in executions:
            for failure in _failures(execution):
                if failure not in said:
                    said.add(failure)
                    live.console.print(Text(f"  ✗ {failure}", style="red"))
            live.update(Group(_clock(execution), _bars(execution)), refresh=True)
    return execution


def _show_lines(console: Console, executions: Iterable[Json]) -> Json:
    execution: Json = {}
    said: set[str] = set()
    for execution in executions:
        lines = [_wave_line(wave) for wave in execution["waves"] if wave["status"] != "pending"]
        for line in [*lines, *(f"✗ {failure}" for failure in _failures(execution))]:
            if line not in said:
                said.add(line)
                # As it comes, however long: lines are for logs and pipes.
                console.print(f"  {line}", soft_wrap=True, markup=False, highlight=False)
    return execution


def result(execution: Json) -> Table:
    """The table at the end: a line for each wave, then the whole."""
    table = Table(title=f"Drill of {execution['plan']}", title_justify="left", title_style="bold")
    for heading in ("Wave", "Result"):
        table.add_column(heading)
    for heading in ("Servers", "Failed", "Took"):
        table.add_column(heading, justify="right")
    for wave in execution["waves"]:
        table.add_row(*_row(wave["name"], wave["status"], wave["servers"], wave["started_at"], wave["finished_at"]))
    table.add_section()
    servers = [server for wave in execution["waves"] for server in wave["servers"]]
    table.add_row(
        *_row("Whole plan", execution["status"], servers, execution["started_at"], execution["finished_at"]),
        style="bold",
    )
    return table


def measures(execution: Json) -> Table:
    """Targets against what was measured."""
    table = Table.grid(padding=(0, 2))
    for name, what in (("rto", "RTO, start to last critical launch"), ("rpo", "RPO, oldest recovered point")):
        actual, target = execution[f"{name}_actual_seconds"], execution[f"{name}_target_seconds"]
        met = actual is not None and target is not None and actual <= target
        table.add_row(
            what,
            Text("not measured" if actual is None else spoken(actual), style="green" if met else "red"),
            f"target {spoken(target)}" if target is not None else "no target",
        )
    return table


def sign_in(address: str, people: Iterable[Person]) -> Group:
    table = Table(box=None, padding=(0, 2))
    for heading in ("User", "Password", "Role"):
        table.add_column(heading, header_style="dim")
    for person in people:
        table.add_row(person.username, Text(person.password), person.role)
    return Group(Text.assemble("drsorch is running at ", (address, "bold underline"), "; sign in as one of:"), table)


def _clock(execution: Json) -> Text:
    started = execution["started_at"]
    so_far = (
        (_time(execution["finished_at"]) if execution["finished_at"] else datetime.now(UTC)) - _time(started)
        if started
        else None
    )
    clock = spoken(so_far.total_seconds() if so_far is not None else 0)
    target = execution["rto_target_seconds"]
    return Text.assemble(
        "  RTO clock ",
        (clock, "bold"),
        f" of {spoken(target)}" if target is not None else "",
        f"   {execution['status']}",
    )


def _bars(execution: Json) -> Table:
    table = Table.grid(padding=(0, 2))
    for wave in execution["waves"]:
        servers = wave["servers"]
        ended = sum(server["status"] in ENDED for server in servers)
        bar: RenderableType = ProgressBar(
            total=max(1, len(servers)),
            completed=sum(map(_progress, servers)),
            width=30,
            complete_style="green",
            finished_style="green",
        )
        table.add_row(
            f"  {wave['name']}",
            bar,
            f"{ended}/{len(servers)}",
            Text(wave["status"], style=_style(wave["status"])),
            _phases(wave),
        )
    return table


def _progress(server: Json) -> float:
    return 1.0 if server["status"] in ENDED else FAR.get(server["phase"] or "", 0.0)


def _wave_line(wave: Json) -> str:
    servers = wave["servers"]
    ended = sum(server["status"] in ENDED for server in servers)
    phases = _phases(wave)
    return f"{wave['name']}: {wave['status']}, {ended} of {len(servers)} servers" + (f" ({phases})" if phases else "")


def _phases(wave: Json) -> str:
    """What is happening to the servers that are not there yet: `4 conversion, 2 launch`."""
    if wave["status"] not in {"waiting", "running"}:
        return ""
    doing = Counter(
        (server["phase"] or server["status"]) for server in wave["servers"] if server["status"] not in ENDED
    )
    return ", ".join(f"{count} {what.replace('_', ' ')}" for what, count in doing.items())


def _failures(execution: Json) -> list[str]:
    return [
        f"{server['hostname'] or server['source_server_id']} ({wave['name']}): {server['error'] or server['status']}"
        for wave in execution["waves"]
        for server in wave["servers"]
        if server["status"] in BAD
    ]


def _row(
    name: str, status: str, servers: list[Json], started_at: str | None, finished_at: str | None
) -> tuple[str | Text, ...]:
    launched = sum(server["status"] in GOOD for server in servers)
    failed = sum(server["status"] in BAD for server in servers)
    took = (_time(finished_at) - _time(started_at)).total_seconds() if started_at and finished_at else None
    return (
        name,
        Text(status.replace("_", " "), style=_style(status)),
        f"{launched} of {len(servers)}",
        str(failed) if failed else "",
        spoken(took) if took is not None else "",
    )


def _style(status: str) -> str:
    if status in GOOD:
        return "green"
    return "red" if status in BAD else "yellow"


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
