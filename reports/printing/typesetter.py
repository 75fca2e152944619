"""The child process that sets a PDF: a request comes in by standard input, the PDF goes out by standard output.

It is started as a script, without Django, without the environment and without a path to anything but the libraries.
Only templates of this room are compiled: what a report says is data to them. The fonts are those of `fonts/` and those
in typst itself; nothing is read outside `templates/`, and nothing is fetched.
"""

from __future__ import annotations

import contextlib
import json
import resource
import signal
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
#: Bytes of addresses, most of them never used.
MEMORY = 8 * 1024**3


def main() -> int:
    request = json.loads(sys.stdin.buffer.read())
    _limit(request["seconds"])
    import typst

    try:
        pdf = typst.compile(
            str(HERE / "templates" / request["template"]),
            root=str(HERE / "templates"),
            font_paths=[str(HERE / "fonts")],
            ignore_system_fonts=True,
            # No template asks for a package; if one did, it would be sought here, where there is none.
            package_path=str(HERE / "templates"),
            package_cache_path=str(HERE / "templates"),
            sys_inputs=request["inputs"],
            timestamp=request["at"],
            format="pdf",
            pdf_standards=request["standards"],
        )
    except typst.TypstError as error:
        sys.stderr.write(f"{error.message}\n{error.diagnostic}\n")
        return 1
    sys.stdout.buffer.write(pdf)
    return 0


def _limit(seconds: float) -> None:
    """It ends by itself where no one is left to end it, and before anything else where memory is short."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    signal.alarm(int(seconds) + 1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Not every system knows this one.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


if __name__ == "__main__":
    sys.exit(main())
