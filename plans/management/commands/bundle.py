"""Sites, protection groups and plans as documents in files: written, compared with what there is, and applied."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

from django.contrib.auth.models import User
from django.core.management.base import CommandError, CommandParser

from audit.commands import RecordedCommand
from foundation.errors import DomainError, FieldError
from foundation.files.yaml_text import NotYaml, read, written
from foundation.sources import Source
from foundation.wording import count
from plans.bundles import applying

_WOULD_CHANGE: Final = 2


class Command(RecordedCommand):
    help = (
        "export: write everything as one YAML document. diff: show what applying documents would change; exit 2 if "
        "anything. apply: apply them, in one transaction. On a machine without this database, use drsorch-cli."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["export", "diff", "apply"])
        parser.add_argument(
            "path", nargs="?", default="-",
            help="a file, or a folder of .yaml files; - is standard input, or output (default)",
        )  # fmt: skip
        parser.add_argument("--as", dest="username", metavar="USER", required=True, help="whose rights it takes")
        parser.add_argument("--prune", action="store_true", help="delete what came from the repository before")
        parser.add_argument("--message", default="", help="why; kept with every revision")
        parser.add_argument("--repository", default="", help="where the documents are kept")
        parser.add_argument("--directory", default="", help="the folder in it")
        parser.add_argument("--ref", default="", help="branch or tag")
        parser.add_argument("--commit", default="", help="the commit")

    def handle(self, *args: Any, action: str, path: str, username: str, **options: Any) -> None:
        by = User.objects.filter(username=username, is_active=True).first()
        if by is None:
            raise CommandError(f"There is no active user {username!r}.")
        places: list[str] = []
        try:
            if action == "export":
                self._export(path, by)
                return
            documents = _documents(path, places)
            source = Source(*(options[name] for name in ("repository", "directory", "ref", "commit")))
            applied = applying.bundle_apply(
                documents=documents,
                prune=options["prune"],
                dry_run=action == "diff",
                message=options["message"],
                source=source if source.repository else None,
                by=by,
            )
        except OSError as error:
            raise CommandError(f"{error.filename or path}: {error.strerror or error}.") from error
        except DomainError as error:
            said = [_at(each, places) for each in error.errors] or [error.detail]
            raise CommandError("\n".join(said)) from error
        self._say(applied)
        if action == "diff" and applied.outcome.changes:
            sys.exit(_WOULD_CHANGE)

    def _export(self, path: str, by: User) -> None:
        text = written({"documents": applying.bundle_export(by=by)})
        if path == "-":
            self.stdout.write(text, ending="")
        else:
            Path(path).write_text(text, encoding="utf-8")

    def _say(self, applied: applying.Applied) -> None:
        for change in applied.outcome.changes:
            renamed = f" (was “{change.renamed_from}”)" if change.renamed_from else ""
            self.stdout.write(f"{change.action.value} {change.kind.words} “{change.name}”{renamed}")
            if change.of is not None:
                for one in change.differences:
                    self.stdout.write(f"    {one['path']}: {one['before']!r} -> {one['after']!r}")
        for kept in applied.outcome.kept:
            self.stdout.write(f"kept {kept.kind.words} “{kept.name}”: {kept.why}")
        if applied.refused:
            self.stderr.write(f"Warning: this cannot be applied as the same user. {applied.refused}")
        for _, sentence in applied.warnings:
            self.stderr.write(f"Warning: {sentence}")
        self.stdout.write(
            f"{count(len(applied.outcome.changes), 'change')}, {applied.outcome.unchanged} unchanged. "
            f"Fingerprint: {applied.fingerprint}"
        )


def _documents(path: str, places: list[str]) -> list[Any]:
    """The documents of a file, or of all files of a folder; `places` says which file each is in."""
    if path == "-":
        files = [("standard input", sys.stdin.read())]
    else:
        root = Path(path)
        names = _files(root) if root.is_dir() else [root]
        files = [(str(name), name.read_text(encoding="utf-8-sig")) for name in names]
    found: list[Any] = []
    for name, text in files:
        try:
            content = read(text)
        except (NotYaml, UnicodeDecodeError) as error:
            raise CommandError(f"{name}: {error}") from error
        several = content["documents"] if isinstance(content, dict) and set(content) == {"documents"} else [content]
        if not isinstance(several, list):
            raise CommandError(f"{name}: documents must be a list.")
        found += several
        places += [name] * len(several)
    if not found:
        raise CommandError(f"There are no .yaml files in {path}.")
    return found


def _files(folder: Path) -> list[Path]:
    """Not what is hidden, such as what a repository keeps for its pipelines; the same as drsorch-cli reads."""
    found = (path for path in sorted(folder.rglob("*")) if path.suffix in (".yaml", ".yml") and path.is_file())
    return [path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts)]


def _at(error: FieldError, places: list[str]) -> str:
    """The error with the file that it is in."""
    first, _, rest = error.attr.partition(".")
    index, _, inside = rest.partition(".")
    if first == "documents" and index.isdecimal() and int(index) < len(places):
        return f"{places[int(index)]}: {inside + ': ' if inside else ''}{error.detail}"
    return error.detail
