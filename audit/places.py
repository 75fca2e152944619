"""Where heads are kept outside the database: a directory, or a place of a scheme that an app above registers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, Final, Protocol

from foundation.errors import Unavailable

#: What files of heads end in.
SUFFIX: Final = ".jsonl"


class Place(Protocol):
    """Holds files of heads by their names; `str(place)` is its address. Every method raises `Unavailable` alone.

    Not to be called inside a transaction.
    """

    def names(self) -> Sequence[str]:
        """The files of heads that are there, in their order."""

    def reading(self, name: str) -> AbstractContextManager[Iterable[bytes]]:
        """The lines of a file."""

    def writing(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """A file that appears under this name once it is complete; if anything is raised, there is none."""


class Directory:
    """A directory; with `only`, one file in it."""

    def __init__(self, path: Path, only: str = "") -> None:
        self._path, self._only = path, only

    def __str__(self) -> str:
        return str(self._path / self._only)

    def names(self) -> list[str]:
        if self._only:
            return [self._only]
        with _said():
            return sorted(path.name for path in self._path.iterdir() if path.name.endswith(SUFFIX))

    @contextmanager
    def reading(self, name: str) -> Iterator[Iterable[bytes]]:
        with _said(), (self._path / name).open("rb") as lines:
            yield lines

    @contextmanager
    def writing(self, name: str) -> Iterator[IO[bytes]]:
        unfinished = self._path / f".{name}.unfinished"
        with _said():
            try:
                with unfinished.open("wb") as file:
                    yield file
                unfinished.replace(self._path / name)
            except BaseException:
                unfinished.unlink(missing_ok=True)
                raise


#: What is before :// -> what makes a place of such an address.
SCHEMES: dict[str, Callable[[str], Place]] = {}


def place_of(address: str) -> Place:
    """The place that an address names: a directory, a file, or what a scheme leads to. Raises `Unavailable`."""
    scheme, separator, _ = address.partition("://")
    if separator:
        if scheme not in SCHEMES:
            raise Unavailable(
                f"{address} is not a place for heads: name a directory, or a bucket as s3://bucket/prefix."
            )
        return SCHEMES[scheme](address)
    path = Path(address)
    return Directory(path.parent, path.name) if path.is_file() else Directory(path)


@contextmanager
def _said() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.strerror else str(error)
        raise Unavailable(f"A file of heads could not be read or written: {what}.") from error
