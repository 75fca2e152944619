"""What git, or the pipeline, says about a folder: where it is kept, in which state, and why."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Checkout:
    """Empty texts where git says nothing."""

    repository: str = ""
    directory: str = ""
    ref: str = ""
    commit: str = ""
    message: str = ""
    #: Files of the folder that are not as committed.
    dirty: bool = False


def checkout(folder: Path) -> Checkout:
    commit = _git(folder, "rev-parse", "HEAD")
    if not commit:
        return Checkout()
    ref = _git(folder, "rev-parse", "--abbrev-ref", "HEAD")
    if ref in ("", "HEAD"):
        # Pipelines check a commit out, not a branch.
        ref = os.environ.get("GITHUB_REF_NAME") or os.environ.get("CI_COMMIT_REF_NAME") or ""
    return Checkout(
        repository=_git(folder, "remote", "get-url", "origin"),
        directory=_git(folder, "rev-parse", "--show-prefix").rstrip("/"),
        ref=ref,
        commit=commit,
        message=_git(folder, "log", "-1", "--format=%B"),
        dirty=bool(_git(folder, "status", "--porcelain", "--", ".")),
    )


def _git(folder: Path, *arguments: str) -> str:
    """What git says; empty if there is no git, no repository, or no answer."""
    try:
        ran = subprocess.run(  # noqa: S603 # words of ours alone, and no shell
            ["git", "-C", str(folder), *arguments],  # noqa: S607 # the user's own git
            capture_output=True, encoding="utf-8", errors="replace", check=False, timeout=30,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ""
    return ran.stdout.strip() if ran.returncode == 0 else ""
