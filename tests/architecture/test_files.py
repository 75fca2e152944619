"""What a newcomer meets: files of a readable size, and nothing of the machine they were written on."""

from __future__ import annotations

import re
from collections import Counter

from tests.architecture.source import ROOT, name_of, product_modules, tracked_files

LONGEST = 500
#: Lines of modules side by side in one folder: more than that, and its listing no longer tells what is where.
FULLEST = 2500
READ_BY_PEOPLE = frozenset({".py", ".html", ".css", ".js", ".typ"})
#: Absolute paths that exist only where somebody works; the system's own (/usr, /etc, /tmp, /srv) are everybody's.
SOMEBODYS = re.compile(r"(?<![\w.$:/}-])/(?:home|root|Users|work|mnt|workspace)/[\w.]")


def test_no_file_is_too_long_to_read() -> None:
    long = {
        name_of(path): lines
        for path in tracked_files()
        if path.suffix in READ_BY_PEOPLE and not _is_vendored(name_of(path))
        if (lines := len(path.read_text().splitlines())) > LONGEST
    }
    assert not long, f"split what has over {LONGEST} lines; it has more than one reason to change"


def test_no_folder_is_too_full_to_look_through() -> None:
    lines: Counter[str] = Counter()
    for path in product_modules():
        lines[name_of(path.parent)] += len(path.read_text().splitlines())
    full = {folder: count for folder, count in lines.items() if count > FULLEST}
    assert not full, f"make rooms where over {FULLEST} lines of modules lie side by side"


def test_nothing_names_the_machine_it_was_written_on() -> None:
    found = []
    for path in tracked_files():
        if path.suffix in {".png", ".svg", ".ico", ".woff2", ".ttf", ".otf"} or _is_vendored(name_of(path)):
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if SOMEBODYS.search(line) or str(ROOT) + "/" in line:
                found.append(f"{name_of(path)}:{number}: {line.strip()[:100]}")
    assert not found


def _is_vendored(name: str) -> bool:
    return "/vendor/" in name or "/migrations/" in name or name.startswith("requirements")
