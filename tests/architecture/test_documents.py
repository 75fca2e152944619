"""Documents and comments point at what exists: files, ADRs, sections of docs/drs.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source import LAYERS, ROOT, name_of, tracked_files

#: [text](target), but not an image of somewhere else or an address.
LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)(?:#[^)]*)?\)")
#: `code` that reads like a file or a folder of this repository.
CODE = re.compile(r"`([\w.@*-]+(?:/[\w.@*-]+)*/?)`")
FILE = re.compile(r"\.(?:py|md|toml|txt|in|html|css|js|json|service|svg)$|^Makefile$")
DOCUMENT = re.compile(r"\bdocs/[\w./-]+\.(?:md|svg|png)|(?<![\w./-])[A-Z_]+\.md\b")
SECTION = re.compile(r"\bdocs/drs\.md (\d+(?:\.\d+)?)")
ADR = re.compile(r"\bADR (\d{4})\b")
#: `code` that reads like a module of ours, or something in one.
DOTTED = re.compile(rf"`((?:{'|'.join(LAYERS)})(?:\.\w+)+)`")
#: A path in the text of a drawing.
DRAWN = re.compile(r"(?<![\w/.:])\w+/[\w./]*")
#: What a running drsorch makes, and AWS's name for itself.
NOT_HERE = frozenset({".env", "drsorch.sqlite3", "drs.amazonaws.com"})


def documents(*suffixes: str) -> list[Path]:
    return [path for path in tracked_files() if path.suffix in suffixes and path != Path(__file__)]


def dead_links(path: Path, text: str) -> Iterator[str]:
    yield from (target for target in LINK.findall(text) if not (path.parent / target).exists())


def dead_mentions(text: str, existing: frozenset[str], folders: frozenset[str]) -> Iterator[str]:
    """Files and folders in `code` that are no tail of any path here; a folder counts if it begins at the root."""
    for span in CODE.findall(text):
        name = span.rstrip("/")
        if span in NOT_HERE or "*" in span:
            continue
        is_folder = span.endswith("/") and name.partition("/")[0] in folders
        if (FILE.search(span) or is_folder) and not any(f"/{one}".endswith(f"/{name}") for one in existing):
            yield span


def dead_names(text: str) -> Iterator[str]:
    """Modules, and what is in them, that are not there; `access.ApiToken` is Django's way to name a model."""
    for dotted in set(DOTTED.findall(text)) - NOT_HERE:
        parts = dotted.split(".")
        if parts[1][0].isupper():
            parts.insert(1, "models")
        for length in range(len(parts), 0, -1):
            package = ROOT.joinpath(*parts[:length])
            module = package / "__init__.py" if package.is_dir() else package.with_suffix(".py")
            if module.exists():
                source = module.read_text()
                if length == 1 or not all(re.search(rf"\b{one}\b", source) for one in parts[length:]):
                    yield dotted
                break


def dead_paths(drawing: str, existing: frozenset[str]) -> Iterator[str]:
    """Paths in the text of a drawing that are no tail of any path here; a module may be without its `.py`."""
    for name in DRAWN.findall(" ".join(re.findall(r"<text[^>]*>([^<]*)</text>", drawing))):
        wanted = name.strip("/.")
        if not any(f"/{one.removesuffix('.py')}".endswith(f"/{wanted.removesuffix('.py')}") for one in existing):
            yield name


def names_here() -> tuple[frozenset[str], frozenset[str]]:
    files = {name_of(path) for path in tracked_files()}
    folders = {str(parent) for name in files for parent in Path(name).parents} - {"."}
    return frozenset(files | folders), frozenset(folder for folder in folders if "/" not in folder)


def test_every_link_of_a_document_leads_somewhere() -> None:
    dead = [f"{name_of(path)}: {target}" for path in documents(".md") for target in dead_links(path, path.read_text())]
    assert not dead


def test_every_file_and_module_that_a_text_mentions_exists() -> None:
    existing, folders = names_here()
    dead = [
        f"{name_of(path)}: {span}"
        for path in documents(".md", ".py")
        for span in (*dead_mentions(path.read_text(), existing, folders), *dead_names(path.read_text()))
    ]
    assert not dead


def test_every_path_in_a_drawing_exists() -> None:
    existing, _ = names_here()
    drawings = [path for path in documents(".svg") if name_of(path).startswith("docs/")]
    dead = [f"{name_of(path)}: {name}" for path in drawings for name in dead_paths(path.read_text(), existing)]
    assert drawings
    assert not dead


def test_what_the_code_refers_to_exists() -> None:
    sections = set(re.findall(r"^#{2,3} (\d+(?:\.\d+)?)\.? ", (ROOT / "docs/drs.md").read_text(), re.MULTILINE))
    decisions = {path.name[:4] for path in (ROOT / "docs/adr").glob("[0-9]*.md")}
    dead = []
    for path in documents(".py", ".html", ".md", ".toml", ".js", ".css", ""):
        text = path.read_text()
        dead += [f"{name_of(path)}: {name}" for name in DOCUMENT.findall(text) if not (ROOT / name).exists()]
        dead += [f"{name_of(path)}: docs/drs.md {one}" for one in SECTION.findall(text) if one not in sections]
        dead += [f"{name_of(path)}: ADR {one}" for one in ADR.findall(text) if one not in decisions]
    assert not dead


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see `executions/nowhere.py`", ["executions/nowhere.py"]),
        ("see `plans/nowhere/`", ["plans/nowhere/"]),
        ("see `core/decide.py` and `executions/`, `decide` and `approve/`", []),
    ],
)
def test_the_rule_sees_a_dead_mention(text: str, found: list[str]) -> None:
    existing, folders = names_here()
    assert list(dead_mentions(text, existing, folders)) == found


@pytest.mark.parametrize("name", ["drs.nowhere", "drs.errors.NoSuchError", "access.NoModel", "foundation.rest.nowhere"])
def test_the_rule_sees_a_dead_name(name: str) -> None:
    assert list(dead_names(f"see `{name}`, `drs.errors.DrsError`, `access.ApiToken` and `drs.simulator`")) == [name]


def test_the_rule_sees_a_dead_link() -> None:
    page = ROOT / "docs/architecture.md"
    assert list(dead_links(page, "[a](nowhere.md), [b](runbook.md#people), [c](https://example.com)")) == ["nowhere.md"]
