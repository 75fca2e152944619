"""Where a document is kept, if it is kept in a repository, and what whoever applied it from there says about it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Source:
    """A place in a repository: `repository` and `directory` say which, `ref` and `commit` in what state it was."""

    repository: str
    directory: str = ""
    ref: str = ""
    commit: str = ""

    @property
    def place(self) -> tuple[str, str]:
        """Equal for every state of the place, and for every address of its repository."""
        return repository_key(self.repository), self.directory.strip("/")

    @property
    def words(self) -> str:
        """`https://git.example.com/plans, directory dr`."""
        return f"{self.repository}, directory {self.directory}" if self.directory else self.repository

    def __str__(self) -> str:
        state = [f"ref {self.ref}"] if self.ref else []
        state += [f"commit {self.commit[:12]}"] if self.commit else []
        return ", ".join([self.words, *state])

    @property
    def facts(self) -> Mapping[str, str]:
        return {
            "repository": self.repository, "directory": self.directory, "ref": self.ref, "commit": self.commit,
        }  # fmt: skip


#: `user@host:path`, as git writes an address for SSH.
_SCP = re.compile(r"(?:[^@/:]+@)?(?P<host>[^/:]+):(?!//)(?P<path>.*)")
_URL = re.compile(r"[a-z][a-z0-9+.-]*://(?:[^/@]*@)?(?P<host>[^/:]+)(?::[0-9]+)?/(?P<path>.*)", re.IGNORECASE)


def repository_key(address: str) -> str:
    """Equal for `https://git.example.com/dr/plans`, `git@git.example.com:dr/plans.git` and so on: a pipeline and a
    person use different addresses of one repository."""
    found = _URL.fullmatch(address) or _SCP.fullmatch(address)
    key = f"{found['host'].lower()}/{found['path'].lstrip('/')}" if found else address
    return key.rstrip("/").removesuffix(".git")


@dataclass(frozen=True, slots=True)
class Declared:
    """That something is written in a document which is applied: from where, under which name, and why."""

    name: str
    #: None: the document is kept nowhere that anyone knows of.
    source: Source | None = None
    message: str = ""
