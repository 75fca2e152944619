"""One vocabulary of styles: what templates use is defined once, and what is defined is used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, name_of, tracked_files

#: Where classes of ours are written, beside templates.
OTHERS = (
    "executions/admin.py",
    "executions/screens/monitor/timeline.py",
    "foundation/screens.py",
    "protection/admin.py",
    "reports/screens/comparison_page.py",
    "static/drsorch/board/drag.js",
    "static/drsorch/board/draw.js",
    "static/drsorch/board/lines.js",
    "static/drsorch/board/menus.js",
    "static/drsorch/live.js",
    "templates/reports/_table.html",
    "templates/unfold/helpers/header_title.html",
    "templates/reports/_table.html",
)
CLASS = re.compile(r"\b(?:dr|is)-[a-z][a-z-]*")


def files(folder: str, suffix: str) -> list[Path]:
    return [path for path in tracked_files() if name_of(path).startswith(folder) and path.suffix == suffix]


@pytest.mark.parametrize(
    ("sheets", "folders", "others"),
    [
        (("kit.css", "screens.css", "board.css"), ("templates/admin/",), OTHERS),
        (("accounts.css",), ("templates/allauth/", "templates/account/"), ()),
    ],
)
def test_every_class_is_defined_and_used(
    sheets: tuple[str, ...], folders: tuple[str, ...], others: tuple[str, ...]
) -> None:
    css = "".join((ROOT / "static/drsorch" / name).read_text() for name in sheets)
    written = "".join(path.read_text() for folder in folders for path in files(folder, ".html"))
    written += "".join((ROOT / name).read_text() for name in others)
    defined = set(re.findall(r"\.((?:dr|is)-[a-z][a-z-]*)", css))
    assert defined == set(CLASS.findall(written))


def test_every_token_is_defined_and_used() -> None:
    css = "".join((ROOT / "static/drsorch" / name).read_text() for name in ("kit.css", "screens.css", "board.css"))
    assert set(re.findall(r"(--dr-[a-z-]+):", css)) == set(re.findall(r"var\((--dr-[a-z-]+)", css))
