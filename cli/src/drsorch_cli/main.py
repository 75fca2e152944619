"""The command line: what can be typed, and what becomes of it."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from drsorch_cli import VERSION, bundle, credentials, evidence, running
from drsorch_cli.durations import seconds_of
from drsorch_cli.outcomes import MEANING, Exit, Stop
from drsorch_cli.telling import Teller

#: Adds a command: its name, and what it does.
_Command = Callable[[str, str], argparse.ArgumentParser]


class _Parser(argparse.ArgumentParser):
    """2 says that something would change, so a wrong command line ends with another code."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(Exit.USAGE, f"{self.prog}: {message}\n")


def parser() -> argparse.ArgumentParser:
    codes = "\n".join(f"  {code.value:>3}  {MEANING[code]}" for code in Exit)
    top = _Parser(
        prog="drsorch",
        description="drsorch on the command line.",
        epilog=f"environment:\n  DRSORCH_URL    address of drsorch\n  DRSORCH_TOKEN  API token\n\nexit codes:\n{codes}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"drsorch-cli {VERSION}")
    common = _Parser(add_help=False)
    common.add_argument("--url", default="", help="address of drsorch (default: DRSORCH_URL)")
    common.add_argument("--json", action="store_true", help="the result as JSON on standard output")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def command(name: str, help: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=help, description=help, parents=[common])

    _bundles(command)
    _executions(command)
    _evidence(command)
    command("login", "keep an API token in the system's keyring; it is asked for, or read from standard input")
    command("logout", "remove the token from the keyring")
    return top


def _bundles(command: _Command) -> None:
    one = command("export", "write all sites, protection groups and plans to a folder, one YAML file each")
    one.add_argument("folder", type=Path, metavar="DIR")
    for name, help in (
        ("diff", "say what applying a folder would change; exit 2 if anything"),
        ("apply", "apply a folder, in one transaction"),
    ):
        one = command(name, help)
        one.add_argument("folder", type=Path, metavar="DIR")
        one.add_argument("--prune", action="store_true", help="delete what came from there and has no file any more")
        one.add_argument("--message", help="why (default: the message of the commit)")
        one.add_argument("--repository", default="", help="where the folder is kept (default: git's origin)")
        one.add_argument("--directory", help="the folder in the repository (default: as git says)")
        one.add_argument("--ref", default="", help="branch or tag (default: as git, or the pipeline, says)")
        one.add_argument("--commit", default="", help="the commit (default: as git says)")
        one.add_argument("--no-source", action="store_true", help="do not say where it is kept")
        if name == "apply":
            one.add_argument("--fingerprint", default="", help="of a diff: apply just that, or nothing")
            one.add_argument("--yes", "-y", action="store_true", help="do not ask")
    one = command("schema", "write the JSON Schema of the documents, for editors")
    one.add_argument("--output", "-o", metavar="FILE", default="")


def _executions(command: _Command) -> None:
    one = command("drill", "run a drill of a plan")
    one.add_argument("plan", metavar="PLAN", help="name or id")
    one.add_argument("--reason", default="", help="why")
    one.add_argument("--wait", action="store_true", help="wait for the end; the exit code says the result")
    one.add_argument("--cleanup", action="store_true", help="have drsorch terminate the instances after the end")
    one.add_argument("--cleanup-after", type=seconds_of, metavar="DURATION", help="with --cleanup: so long after")
    one.add_argument("--junit", metavar="FILE", help="write the result as JUnit XML")
    one.add_argument("--key", type=_key, default="", help="the same key starts one drill, however often it is sent")
    _results(one)
    one = command("watch", "follow an execution to its end; without EXECUTION, the newest")
    one.add_argument("execution", nargs="?", default="", metavar="EXECUTION", help="id")
    _results(one)
    for name in ("approve", "reject"):
        one = command(name, f"{name} an execution, or a step of it, that waits for approval")
        one.add_argument("execution", metavar="EXECUTION", help="id")
        one.add_argument("--wave", default="", help="with --step: the wave of the step")
        one.add_argument("--step", default="", help="the step, if several are waiting")
        one.add_argument("--comment", default="", help="why; it is recorded")
    one = command("cancel", "cancel an execution: launches in progress are followed to their end")
    one.add_argument("execution", metavar="EXECUTION", help="id")
    one.add_argument("--comment", default="", help="why; it is recorded")


def _key(text: str) -> str:
    if not (text.isascii() and text.isprintable() and len(text) <= 255):
        raise argparse.ArgumentTypeError("a key is up to 255 printable ASCII characters")
    return text


def _results(one: argparse.ArgumentParser) -> None:
    one.add_argument("--timeout", type=seconds_of, metavar="DURATION", help="stop waiting after so long")
    one.add_argument("--max-rto", type=seconds_of, metavar="DURATION", help="fail if the RTO is longer")
    one.add_argument("--max-rpo", type=seconds_of, metavar="DURATION", help="fail if the RPO is longer")


def _evidence(command: _Command) -> None:
    one = command("report", "write the report of an execution to a file")
    one.add_argument("execution", metavar="EXECUTION", help="id, or a plan's name for its newest execution")
    one.add_argument(
        "--output", "-o", metavar="FILE", required=True, help="its ending says the format; - is standard output"
    )
    one.add_argument("--format", choices=["json", "pdf", "html", "csv"])
    one.add_argument("--version", type=int, metavar="N", help="one that was sealed earlier")
    one = command("verify", "verify a report (JSON): that it is what was sealed, to the byte")
    one.add_argument("file", metavar="FILE")
    one.add_argument("--offline", action="store_true", help="only its spelling and SHA-256; ask no one")
    one.add_argument("--sha256", default="", metavar="HEX", help="what it has to be")


_CONNECTED = {
    "export": bundle.export, "diff": bundle.diff, "apply": bundle.apply,
    "drill": running.drill, "watch": running.watch, "approve": running.approve, "reject": running.approve,
    "cancel": running.cancel, "report": evidence.report,
}  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what was typed; returns the exit code. Whatever goes wrong is a sentence."""
    options = parser().parse_args(arguments)
    tell = Teller(as_json=options.json)
    try:
        return _run(options, tell)
    except Stop as stop:
        tell.trouble(str(stop))
        return stop.code
    except KeyboardInterrupt:
        tell.trouble("Interrupted.")
        return Exit.INTERRUPTED
    except BrokenPipeError:
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    except OSError as error:
        tell.trouble(f"{error.filename or 'A file'} cannot be read or written: {error.strerror or error}.")
        return Exit.REFUSED


def _run(options: argparse.Namespace, tell: Teller) -> Exit:
    match options.command:
        case "login":
            tell.say(credentials.login(options.url))
            return Exit.OK
        case "logout":
            tell.say(credentials.logout(options.url))
            return Exit.OK
        case "schema":
            return bundle.schema(options, tell)
        case "verify":
            return evidence.verify(options, lambda: credentials.connected(options.url), tell)
        case name:
            return _CONNECTED[name](options, credentials.connected(options.url), tell)
