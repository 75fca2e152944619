"""`export`, `diff`, `apply`: plans as code."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from importlib.resources import files as packaged
from pathlib import Path
from typing import Any

from drsorch_cli.api import Client, Json, Refused
from drsorch_cli.folders import File, documents_of, in_files, write
from drsorch_cli.git import checkout
from drsorch_cli.outcomes import Exit, Stop
from drsorch_cli.telling import Teller

#: Hundreds of plans at once take longer than other requests.
_SECONDS = 600.0
#: As many characters of a commit's message as drsorch takes.
_MESSAGE = 10_000
_SIGNS = {
    "create": ("+", "green"), "change": ("~", "yellow"), "rename": (">", "yellow"), "delete": ("-", "red"),
    "archive": ("-", "red"),
}  # fmt: skip


def export(options: argparse.Namespace, client: Client, tell: Teller) -> Exit:
    """Write what there is to a folder, one file for each thing."""
    documents = client.get("bundle/")["documents"]
    schema = json.dumps(client.get("bundle/schema/"), indent=1, ensure_ascii=False) + "\n"
    written = write(options.folder, documents, schema)
    tell.say(f"{len(documents)} documents, {len(written.paths)} files written in {options.folder}.")
    for path in written.stale:
        tell.warn(f"{path} is of something that drsorch does not have.")
    tell.result({"written": [str(path) for path in written.paths], "stale": [str(path) for path in written.stale]})
    return Exit.OK


def diff(options: argparse.Namespace, client: Client, tell: Teller) -> Exit:
    """Say what applying would change."""
    answer = _send(options, client, tell, dry_run=True)
    _show(answer, tell)
    return Exit.WOULD_CHANGE if answer["changes"] else Exit.OK


def apply(options: argparse.Namespace, client: Client, tell: Teller) -> Exit:
    """Apply the documents: all of it, or nothing. Whoever sits at a terminal sees the difference first."""
    if tell.is_live and sys.stdin.isatty() and not options.yes and not options.fingerprint:
        looked = _send(options, client, tell, dry_run=True)
        _show(looked, tell)
        if not looked["changes"]:
            return Exit.OK
        if not tell.agreed("Apply this?"):
            raise Stop("Nothing was applied.")
        options.fingerprint = looked["fingerprint"]
    answer = _send(options, client, tell, dry_run=False)
    _show(answer, tell)
    return Exit.OK


def schema(options: argparse.Namespace, tell: Teller) -> Exit:
    """Write the JSON Schema of documents that this version was made with; it takes no drsorch."""
    text = (packaged("drsorch_cli") / "schema.json").read_text(encoding="utf-8")
    if options.output:
        Path(options.output).write_text(text, encoding="utf-8")
        tell.say(f"Written to {options.output}.")
    else:
        tell.out.file.write(text)
    return Exit.OK


def _send(options: argparse.Namespace, client: Client, tell: Teller, *, dry_run: bool) -> Json:
    files = documents_of(options.folder)
    body: Json = {"documents": [file.document for file in files], "prune": options.prune}
    body |= _where(options, tell)
    if not dry_run and options.fingerprint:
        body["fingerprint"] = options.fingerprint
    # To see what would change has an address of its own, which a read-only token may use.
    path, key = ("bundle/diff/", None) if dry_run else ("bundle/", "")
    try:
        answer: Json = client.post(path, body, key, _SECONDS)
    except Refused as refused:
        raise _refused(refused, files) from refused
    except KeyboardInterrupt as interrupt:
        if dry_run:
            raise
        sentence = "Interrupted: it is not known whether it was applied. It is all of it or nothing: apply it again."
        raise Stop(sentence, Exit.INTERRUPTED) from interrupt
    return answer


def _where(options: argparse.Namespace, tell: Teller) -> Json:
    """Where the folder is kept, as said or as git says, and why."""
    found = checkout(options.folder)
    repository = options.repository or found.repository
    message = options.message if options.message is not None else found.message[:_MESSAGE]
    where: Json = {"message": message}
    if options.no_source or not repository:
        if options.prune:
            raise Stop("--prune deletes only what came from the same repository: say which with --repository.")
        return where
    if found.dirty:
        tell.warn(f"{options.folder} has changes that are not committed; they are applied as well.")
    where["source"] = {
        "repository": repository,
        "directory": found.directory if options.directory is None else options.directory,
        "ref": options.ref or found.ref,
        "commit": options.commit or found.commit,
    }
    return where


def _refused(refused: Refused, files: list[File]) -> Stop:
    """Its sentences, each with the file that it is about."""
    said = list(in_files(refused.errors, files)) or [str(refused)]
    return Stop("\n".join(said), refused.code)


def _show(answer: Json, tell: Teller) -> None:
    tell.result(answer)
    if tell.as_json:
        return
    for change in answer["changes"]:
        sign, style = _SIGNS.get(change["action"], ("~", "yellow"))
        renamed = f" (was {change['renamed_from']})" if change["renamed_from"] else ""
        archived = " (archived: it was run)" if change["action"] == "archive" else ""
        tell.say(f"{sign} {_words(change['kind'])} {change['name']}{renamed}{archived}", style)
        if change["action"] != "create":
            for line in _lines(change["differences"]):
                tell.say(f"    {line}")
    for kept in answer["kept"]:
        tell.say(f"= {_words(kept['kind'])} {kept['name']} stays: {kept['why']}")
    if answer.get("refused"):
        tell.warn(f"With this token it cannot be applied. {answer['refused']}")
    for warning in answer["warnings"]:
        tell.warn(f"{_words(warning['kind'])} {warning['name']}: {warning['message']}")
    number = len(answer["changes"])
    what = "would change" if answer["dry_run"] else "changed"
    tell.say(f"{number} {what}, {answer['unchanged']} unchanged.")


def _lines(differences: list[Json]) -> Iterator[str]:
    for one in differences:
        if one["path"] == "source":
            before = f", no longer at {one['before']}" if one["before"] else ""
            yield f"kept in git at {one['after']}{before}"
            continue
        yield f"{one['path']}: {_value(one['before'])} -> {_value(one['after'])}"


def _value(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:199]}…"


def _words(kind: str) -> str:
    return kind.replace("_", " ")
