"""Two people changed the same of a plan: what each of them did, side by side, for one of them to choose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from foundation.overwriting import version_of
from plans.clashing import Choices, Clashing
from plans.core.differences import Difference, differences
from plans.core.merging import Clash, Side
from plans.screens.revisions import DiffLine, diff_lines, diff_sentences, is_whole, value_words, where_words

_TAKE = "take:"


@dataclass(frozen=True, slots=True)
class ClashLine:
    #: The name of the choice in the form.
    name: str
    where: str
    base: str
    mine: str
    theirs: str


@dataclass(frozen=True, slots=True)
class ClashCard:
    #: The newest revision, which the page shows now, and who saved it.
    seen: int
    who: str
    sentence: str
    lines: tuple[ClashLine, ...]
    #: What else was saved since; it is kept.
    kept: tuple[DiffLine, ...]
    #: The same, of what waits for what.
    kept_sentences: tuple[str, ...]
    #: Why the whole is not valid although nothing clashes.
    problems: tuple[str, ...]


def clash_card(error: Clashing) -> ClashCard:
    clashing = {clash.path for clash in error.merged.clashes}
    kept = [each for each in differences(error.base, error.theirs) if not _is_about(each, clashing)]
    return ClashCard(
        seen=error.newest.number,
        who=error.newest.saved_by_name,
        sentence=error.detail,
        lines=tuple(_line(clash) for clash in error.merged.clashes),
        kept=tuple(diff_lines(kept)),
        kept_sentences=tuple(diff_sentences(kept)),
        problems=tuple(each.detail for each in error.problems),
    )


def _line(clash: Clash) -> ClashLine:
    path, whole = clash.path, is_whole(clash.base, clash.mine, clash.theirs)
    absent = "removed" if whole else "none"
    return ClashLine(
        name=f"{_TAKE}{path}",
        where=where_words(path, whole=whole),
        base=value_words(path, clash.base, absent="not there" if whole else "none"),
        mine=value_words(path, clash.mine, absent=absent),
        theirs=value_words(path, clash.theirs, absent=absent),
    )


def _is_about(change: Difference, paths: set[str]) -> bool:
    # What a wave comes to wait for is what the choice is about.
    path = change["path"]
    changed = f"{path.removesuffix('.waits_for')}.depends_on" if path.endswith(".waits_for") else path
    return any(changed == each or changed.startswith(f"{each}.") for each in paths if each != "waves")


def choices_of(posted: Mapping[str, Any]) -> Choices:
    """What a form says that was chosen, and of which revision."""
    take = {
        name.removeprefix(_TAKE): Side(str(value))
        for name, value in posted.items()
        if name.startswith(_TAKE) and value in set(Side)
    }
    return Choices(version_of(str(posted.get("seen", ""))), take)
