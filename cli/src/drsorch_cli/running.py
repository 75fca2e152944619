"""`drill`, `watch`, `approve`, `reject`, `cancel`: executions."""

from __future__ import annotations

import argparse
import contextlib
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from rich.live import Live

from drsorch_cli import progress
from drsorch_cli.api import Client, Json, Refused, Unreachable, said
from drsorch_cli.durations import spoken
from drsorch_cli.junit import junit, missed
from drsorch_cli.outcomes import Exit, Stop
from drsorch_cli.telling import Teller

_PAUSE_SECONDS: Final = 2.0
_LONGEST_PAUSE_SECONDS: Final = 30.0


def drill(options: argparse.Namespace, client: Client, tell: Teller) -> Exit:
    """Start a drill, and with --wait follow it to its end."""
    for name in ("junit", "max_rto", "max_rpo", "timeout"):
        if getattr(options, name) is not None and not options.wait:
            option = f"--{name.replace('_', '-')}"
            raise Stop(f"{option} needs --wait: without it the command does not stay for the result.", Exit.USAGE)
    if options.cleanup_after is not None and not options.cleanup:
        raise Stop("--cleanup-after needs --cleanup.", Exit.USAGE)
    # What is known of it, for the result of a drill that does not come to its end.
    execution: Json = {"kind": "drill", "plan": options.plan, "waves": []}
    try:
        execution = _start(options, client)
        tell.say(f"Started: {page_of(client, execution)}")
        if not options.wait:
            tell.say(f"Watch it with: drsorch watch {execution['id']}")
            tell.result(execution)
            return Exit.OK
        execution = follow(client, tell, execution, cleanup=options.cleanup, timeout=options.timeout)
    except Stop as stop:
        _write_junit(options, execution, [], str(stop), tell)
        raise
    return _finish(options, execution, tell)


def _start(options: argparse.Namespace, client: Client) -> Json:
    key = options.key or f"drsorch-cli-{uuid.uuid4()}"
    body: Json = {"plan": options.plan, "kind": "drill", "reason": options.reason}
    if options.cleanup:
        # drsorch does it itself, whatever becomes of this process.
        body["cleanup_after_seconds"] = options.cleanup_after or 0
    try:
        return dict(client.post("executions/", body, key))
    except (Unreachable, KeyboardInterrupt) as error:
        again = f"It is not known whether the drill was started. To find out, repeat the command with --key {key}"
        if isinstance(error, KeyboardInterrupt):
            raise Stop(again, Exit.INTERRUPTED) from error
        raise Stop(f"{error} {again}", Exit.UNREACHABLE) from error


def watch(options: argparse.Namespace, client: Client, tell: Teller) -> Exit:
    """Follow an execution to its end: the one that is named, or the newest."""
    execution = client.get(f"executions/{options.execution}/") if options.execution else newest(client)
    tell.say(page_of(client, execution))
    cleanup = execution["cleanup_status"] in ("scheduled", "running") or execution["cleanup_after_seconds"] == 0
    execution = follow(client, tell, execution, cleanup=cleanup, timeout=options.timeout)
    return _finish(options, execution, tell)


def newest(client: Client) -> Json:
    """The newest execution that is not over; if all are, the newest."""
    found = client.get("executions/", ordering="-requested_at", page_size=50)["results"]
    if not found:
        raise Stop("There are no executions yet.")
    active = [one for one in found if one["status"] not in progress.FINAL]
    execution: Json = client.get(f"executions/{(active or found)[0]['id']}/")
    return execution


def approve(options: argparse.Namespace, client: Client, tell: Teller) -> Exit:
    """Approve or reject what waits for it: the execution, or a step."""
    body = {name: getattr(options, name) for name in ("comment", "wave", "step") if getattr(options, name)}
    execution = client.post(f"executions/{options.execution}/{options.command}/", body)
    tell.say(f"Done. The execution of {execution['plan']} is {progress.words(execution['status'])}.")
    tell.result(execution)
    return Exit.OK


def cancel(options: argparse.Namespace, client: Client, tell: Teller) -> Exit:
    """Start nothing new; launches in progress are followed to their end."""
    execution = client.post(f"executions/{options.execution}/cancel/", {"comment": options.comment or ""})
    tell.say(f"The execution of {execution['plan']} is {progress.words(execution['status'])}.")
    tell.result(execution)
    return Exit.OK


def page_of(client: Client, execution: Json) -> str:
    return f"{client.url}/admin/executions/execution/{execution['id']}/change/"


# --- Following ------------------------------------------------------------------------------------------------------
def follow(
    client: Client, tell: Teller, execution: Json, *, cleanup: bool, timeout: int | None,
    clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep,
) -> Json:  # fmt: skip
    """Look again and again until nothing more happens. Lost connections and a drsorch that restarts are waited for."""
    deadline = None if timeout is None else clock() + timeout
    seen: Json | None = None
    etag, pause, lost = "", _PAUSE_SECONDS, False
    with _ended_politely(), _shown(tell) as show:
        try:
            while True:
                if seen is not execution:
                    show(seen, execution)
                    seen = execution
                if progress.is_over(execution, cleanup=cleanup):
                    return execution
                if deadline is not None and clock() >= deadline:
                    raise Stop(
                        f"{spoken(timeout or 0)} are over, and the execution is {progress.words(execution['status'])}. "
                        f"It continues.\n{_again(execution)}",
                        Exit.STILL_RUNNING,
                    )
                sleep(pause)
                try:
                    etag, execution = _look(client, execution, etag)
                except Unreachable as error:
                    if not lost:
                        tell.warn(f"{error} The execution continues there; looking again.")
                    lost, pause = True, min(pause * 2, _LONGEST_PAUSE_SECONDS)
                    continue
                except Refused as refused:
                    sentence = f"{refused} Not watching any more; the {execution['kind']} continues."
                    raise Stop(f"{sentence}\n{_again(execution)}", refused.code) from refused
                if lost:
                    tell.say("drsorch answers again.")
                lost, pause = False, _PAUSE_SECONDS
        except KeyboardInterrupt as interrupt:
            raise Stop(
                f"Not watching any more. The {execution['kind']} continues: this does not cancel it.\n"
                f"{_again(execution)}",
                Exit.INTERRUPTED,
            ) from interrupt


def _again(execution: Json) -> str:
    return (
        f"  to watch it again:  drsorch watch {execution['id']}\n  to cancel it:       drsorch cancel {execution['id']}"
    )


def _look(client: Client, execution: Json, etag: str) -> tuple[str, Json]:
    headers = {"If-None-Match": etag} if etag else {}
    answer = client.ask("GET", f"executions/{execution['id']}/", once=True, headers=headers)
    if answer.status_code == 304:
        return etag, execution
    return answer.headers.get("ETag", ""), said(answer)


@contextlib.contextmanager
def _ended_politely() -> Iterator[None]:
    """A pipeline that is cancelled sends SIGTERM: the same as Ctrl-C."""

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, interrupted)
    except ValueError:  # not the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _shown(tell: Teller) -> Iterator[Callable[[Json | None, Json], None]]:
    """A table that is written over, or a line for each thing that happens."""
    if not tell.is_live:

        def say(before: Json | None, after: Json) -> None:
            at = datetime.now().astimezone()
            for sentence in progress.changes(before, after):
                tell.say(f"{at:%H:%M:%S} {sentence}")

        yield say
        return
    current: list[Json] = []
    with Live(get_renderable=lambda: progress.table(current[0]) if current else "", console=tell.out) as live:

        def draw(before: Json | None, after: Json) -> None:
            current[:] = [after]
            live.refresh()

        yield draw


# --- The result -----------------------------------------------------------------------------------------------------
def _finish(options: argparse.Namespace, execution: Json, tell: Teller) -> Exit:
    """Say how it ended, write what was asked for, and choose the exit code."""
    wrongs = [
        ("RTO", execution["rto_actual_seconds"], missed("RTO", execution["rto_actual_seconds"], options.max_rto)),
        ("RPO", execution["rpo_actual_seconds"], missed("RPO", execution["rpo_actual_seconds"], options.max_rpo)),
    ]
    goals = [one for one, most in zip(wrongs, (options.max_rto, options.max_rpo), strict=True) if most is not None]
    cleaned_up = execution["cleanup_status"]
    if cleaned_up != "none":
        wrong = "Not all instances of the drill were terminated." if cleaned_up == "failed" else ""
        goals.append(("clean-up", None, wrong))
    ended = f"The {execution['kind']} has {_ended(execution['status'])}"
    wrong = "" if execution["status"] == "succeeded" else f"{ended}. {execution.get('outcome') or ''}".strip()
    _write_junit(options, execution, goals, wrong, tell)
    times = [f"{name} {spoken(seconds)}" for name, seconds, _ in wrongs if seconds is not None]
    tell.say(", ".join([ended, *times]) + ".")
    for _, _, wrong in goals:
        if wrong:
            tell.trouble(wrong)
    tell.result(execution)
    return result_of(execution["status"], missed=any(wrong for name, _, wrong in goals if name != "clean-up"),
                     cleanup_failed=cleaned_up == "failed")  # fmt: skip


def _write_junit(
    options: argparse.Namespace, execution: Json, goals: list[tuple[str, float | None, str]], wrong: str, tell: Teller
) -> None:
    """A file that cannot be written does not hide how the drill ended."""
    if not getattr(options, "junit", None):
        return
    try:
        Path(options.junit).write_bytes(junit(execution, goals, wrong))
    except OSError as error:
        tell.trouble(f"{options.junit} cannot be written: {error.strerror or error}.")


def _ended(status: str) -> str:
    return f"been {status}" if status in ("cancelled", "rejected") else progress.words(status)


def result_of(status: str, *, missed: bool, cleanup_failed: bool) -> Exit:
    """The worst of what is to be said."""
    if status == "partially_succeeded":
        return Exit.PARTIALLY
    if status != "succeeded":
        return Exit.FAILED
    if missed:
        return Exit.TARGET_MISSED
    return Exit.CLEANUP_FAILED if cleanup_failed else Exit.OK


def execution_id(client: Client, reference: str) -> str:
    """The id itself, or that of the newest execution of the plan of this name."""
    with contextlib.suppress(ValueError):
        return str(uuid.UUID(reference))
    found = client.get("executions/", plan=reference, ordering="-requested_at", page_size=1)["results"]
    if not found:
        raise Stop(f"Plan {reference} has no executions yet.")
    return str(found[0]["id"])
