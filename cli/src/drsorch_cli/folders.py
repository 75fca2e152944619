"""Documents in a folder: one file for each thing, in a folder for each kind."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from drsorch_cli.outcomes import Stop
from drsorch_cli.yaml_files import NotYaml, read, written

Json = dict[str, Any]

FOLDERS: Final = {"site": "sites", "protection_group": "protection-groups", "plan": "plans"}
#: Beside the documents: what is for editors.
SCHEMA: Final = Path(".drsorch/schema.json")
_ODD: Final = re.compile(r"[^\w.-]+")
#: Characters of a file's name: in bytes, a file system takes 255.
_STEM: Final = 50
_DOCUMENT: Final = re.compile(r"documents\.(\d+)(?:\.|$)(.*)", re.DOTALL)


@dataclass(frozen=True)
class File:
    path: Path
    document: Any


def files_of(folder: Path) -> list[File]:
    """Every document below the folder, by path. Raises `Stop` with everything that cannot be read."""
    if not folder.is_dir():
        raise Stop(f"{folder} is not a folder.")
    found: list[File] = []
    wrong: list[str] = []
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if hidden or path.suffix not in (".yaml", ".yml") or not path.is_file():
            continue
        try:
            found.append(File(path, read(path.read_text(encoding="utf-8-sig"))))
        except (NotYaml, UnicodeDecodeError, OSError) as error:
            wrong.append(f"{path}: {error}.")
    if wrong:
        raise Stop("\n".join(wrong))
    return found


def documents_of(folder: Path) -> list[File]:
    """The same, of a folder that has some: an empty one is most often the wrong one."""
    found = files_of(folder)
    if not found:
        raise Stop(f"There are no .yaml files in {folder}. Write what there is now with: drsorch export {folder}")
    return found


def in_files(errors: Sequence[Json], files: Sequence[File]) -> Iterator[str]:
    """What drsorch said about documents, each with the file that it is in."""
    for error in errors:
        at = _DOCUMENT.fullmatch(str(error.get("attr", "")))
        if at and int(at[1]) < len(files):
            place = f"{files[int(at[1])].path}: {at[2]}: " if at[2] else f"{files[int(at[1])].path}: "
            yield f"{place}{error['detail']}"
        else:
            yield str(error["detail"])


@dataclass(frozen=True)
class Written:
    #: Files that were written, or would be.
    paths: list[Path]
    #: Files of what there is not any more.
    stale: list[Path]


def write(folder: Path, documents: Sequence[Json], schema: str) -> Written:
    """Write each document to the file that has it already, or to a new one. A file that says the same is left alone."""
    folder.mkdir(parents=True, exist_ok=True)
    there = {_key(file.document): file for file in files_of(folder)}
    target = folder / SCHEMA
    target.parent.mkdir(exist_ok=True)
    target.write_text(schema, encoding="utf-8")
    taken = {file.path for file in there.values()}
    paths: list[Path] = []
    for document in documents:
        file = there.pop(_key(document), None)
        if file is not None and _said(file.document) == document:
            continue
        path = file.path if file else _new_path(folder, document, taken)
        taken.add(path)
        path.parent.mkdir(exist_ok=True)
        up = "../" * len(path.parent.relative_to(folder).parts)
        path.write_text(
            f"# yaml-language-server: $schema={up}{SCHEMA.as_posix()}\n{written(document)}", encoding="utf-8"
        )
        paths.append(path)
    return Written(paths, sorted(file.path for key, file in there.items() if key[0] in FOLDERS))


def _key(document: Any) -> tuple[str, str]:
    return (str(document.get("kind")), str(document.get("name"))) if isinstance(document, dict) else ("", "")


def _said(document: Any) -> Any:
    """Without what is for the next apply alone."""
    return {key: value for key, value in document.items() if key != "renamed_from"}


def _new_path(folder: Path, document: Json, taken: set[Path]) -> Path:
    stem = _ODD.sub("-", document["name"]).lower()[:_STEM].strip("-.") or "unnamed"
    number = 1
    while True:
        path = folder / FOLDERS[document["kind"]] / f"{stem}{'' if number == 1 else f'-{number}'}.yaml"
        if path not in taken and not path.exists():
            return path
        number += 1
