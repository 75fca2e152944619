"""`report`, `verify`: evidence fetched, and held against what was sealed."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from drsorch_cli.api import Client, Refused
from drsorch_cli.outcomes import Exit, Stop
from drsorch_cli.running import execution_id
from drsorch_cli.telling import Teller

_BY_ENDING: Final = {".json": "json", ".pdf": "pdf", ".html": "html", ".htm": "html", ".zip": "csv"}
_FORMATS: Final = ("drsorch-evidence-1",)


def report(options: argparse.Namespace, client: Client, tell: Teller) -> Exit:
    """Fetch the report of an execution into a file."""
    form = options.format or _BY_ENDING.get(Path(options.output).suffix.lower())
    if form is None:
        raise Stop(f"Say which --format {options.output} is to have: json, pdf, html or csv.", Exit.USAGE)
    id = execution_id(client, options.execution)
    query = {"format": form} | ({"version": options.version} if options.version else {})
    answer = client.ask("GET", f"executions/{id}/report/", params=query)
    if options.output == "-":
        sys.stdout.buffer.write(answer.content)
        return Exit.OK
    Path(options.output).write_bytes(answer.content)
    sha256 = answer.headers.get("ETag", "").strip('"').partition("-")[0]
    tell.say(f"Written to {options.output}. SHA-256 of the evidence: {sha256}")
    tell.result({"file": options.output, "execution": id, "sha256": sha256})
    return Exit.OK


def verify(options: argparse.Namespace, connected: Callable[[], Client], tell: Teller) -> Exit:
    """Verify a report: by itself, and, unless --offline, against what drsorch has sealed."""
    content = Path(options.file).read_bytes()
    if content.startswith(b"%PDF"):
        raise Stop(
            f"{options.file} is a PDF, which only drsorch itself can verify: use its page /verify/. "
            "The evidence itself is the JSON: drsorch report ID -o report.json."
        )
    sha256 = hashlib.sha256(content).hexdigest()
    document, wrong = document_of(content)
    said = [f"SHA-256: {sha256}"]
    if options.sha256 and options.sha256.lower() != sha256:
        wrong.append(f"Its SHA-256 is not the one that was expected, {options.sha256}.")
    seal = document.get("seal") if isinstance(document.get("seal"), dict) else None
    if document and not seal:
        said.append("It is preliminary: it was written before the end of the execution, and nothing sealed it.")
    checked = ""
    if seal and not wrong and not options.offline:
        found, checked = against_server(document, sha256, connected())
        wrong += found
    for sentence in wrong:
        tell.trouble(sentence)
    if not wrong:
        tell.say(f"{options.file} is written as drsorch writes evidence{checked}.", "green")
        if seal and options.offline:
            said.append("Whether it is what was sealed, only drsorch can say: verify it without --offline.")
    for sentence in said:
        tell.say(sentence)
    tell.result({"file": options.file, "ok": not wrong, "sha256": sha256, "faults": wrong})
    return Exit.NOT_AS_SEALED if wrong else Exit.OK


def document_of(content: bytes) -> tuple[dict[str, Any], list[str]]:
    """What a file says, and what is wrong with how it is written: evidence has one spelling."""
    try:
        document = json.loads(content, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return {}, ["It is not JSON, so it is not the report of an execution."]
    if not isinstance(document, dict) or document.get("format") not in _FORMATS:
        return {}, [f"It is not a report of drsorch: its format is none of {', '.join(_FORMATS)}."]
    if canonical(document) != content:
        return document, [
            "It was changed: evidence is written with sorted keys, without spaces, in ASCII, each key once."
        ]
    return document, []


def canonical(document: Any) -> bytes:
    """The one spelling of evidence."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode()


def against_server(document: dict[str, Any], sha256: str, client: Client) -> tuple[list[str], str]:
    """What is wrong with it by what drsorch has sealed, and what to say if nothing is."""
    try:
        id, version = str(document["identity"]["execution_id"]), int(document["seal"]["version"])
    except (KeyError, TypeError, ValueError):
        return ["It does not say which execution it is of."], ""
    try:
        answer = client.ask("GET", f"executions/{id}/report/", params={"format": "json", "version": version})
    except Refused as refused:
        if refused.status == 404:
            return [f"{client.url} has sealed no version {version} of the report of execution {id}."], ""
        raise
    sealed = hashlib.sha256(answer.content).hexdigest()
    if sealed != sha256:
        return [f"It is not what was sealed: version {version} at {client.url} has the SHA-256 {sealed}."], ""
    return [], f", and is version {version} of the report of execution {id}, to the byte, as sealed at {client.url}"


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
