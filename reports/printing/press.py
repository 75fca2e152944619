"""One PDF at a time, each set by a process of its own that has a time limit."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import structlog
from django.conf import settings

from foundation.errors import Unavailable

log = structlog.get_logger(__name__)

#: PDF/A-3 with Unicode text, and PDF/UA: kept for decades, and read aloud.
STANDARDS: Final = ("a-3u", "ua-1")
_TYPESETTER: Final = Path(__file__).resolve().parent / "typesetter.py"
#: A process that sets a PDF takes some 200 MB: of each of ours there is one.
ONE: Final = threading.BoundedSemaphore(1)
#: So many wait for the one that is being made; whoever comes then is told to come again.
WAITING: Final = threading.BoundedSemaphore(2)
_BUSY: Final = "Another PDF is being made. Try again in a minute."
#: As much of what typst says as goes to the log.
_SAID: Final = 4000


def pressed(template: str, inputs: Mapping[str, str], *, at: int, standards: Sequence[str] = STANDARDS) -> bytes:
    """The PDF of `template`, a file in `templates/`, with `inputs` as its `sys.inputs`.

    `at`: what it says it was made at, in seconds since 1970. The same arguments make the same bytes. Raises
    `Unavailable` if it takes longer than `DRSORCH_PRINT_SECONDS`, if others are still being made after that time or too
    many wait, or if typst fails; what typst says is logged.
    """
    limit = settings.DRSORCH_PRINT_SECONDS
    request = {
        "template": template, "inputs": dict(inputs), "at": at, "standards": list(standards), "seconds": limit,
    }  # fmt: skip
    with _in_line(limit):
        return _set(request, template, limit)


@contextmanager
def _in_line(limit: float) -> Iterator[None]:
    """The one place at the press. Few wait for it: the threads that answer people are needed for other things."""
    if not WAITING.acquire(blocking=False):
        raise Unavailable(_BUSY)
    try:
        if not ONE.acquire(timeout=limit):
            raise Unavailable(_BUSY)
    finally:
        WAITING.release()
    try:
        yield
    finally:
        ONE.release()


def _set(request: Mapping[str, Any], template: str, limit: float) -> bytes:
    try:
        # -I: neither the folder it is started in nor PYTHONPATH has a say in what is imported.
        done = subprocess.run(  # noqa: S603 # words of ours alone, and no shell
            [sys.executable, "-I", "-B", str(_TYPESETTER)],
            input=json.dumps(request).encode(),
            capture_output=True,
            timeout=limit,
            env={},
            cwd=_TYPESETTER.parent,
            check=False,
        )
    except subprocess.TimeoutExpired:
        log.warning("printing.too_slow", template=template, seconds=limit)
        raise Unavailable(
            f"The PDF was not ready after {limit:g} s and was given up. Try again later, or download the report in "
            "another format."
        ) from None
    if done.returncode != 0 or not done.stdout.startswith(b"%PDF-"):
        said = done.stderr.decode(errors="replace")[-_SAID:]
        log.error("printing.failed", template=template, status=done.returncode, said=said)
        raise Unavailable("The PDF could not be made; the log of drsorch has the cause. Download another format.")
    return done.stdout
