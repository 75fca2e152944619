"""What a command ends with: its exit code is part of what is promised to pipelines."""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class Exit(IntEnum):
    OK = 0
    REFUSED = 1
    WOULD_CHANGE = 2
    FAILED = 3
    PARTIALLY = 4
    TARGET_MISSED = 5
    CLEANUP_FAILED = 6
    STILL_RUNNING = 7
    NOT_AS_SEALED = 8
    SECOND_PERSON = 9
    USAGE = 64
    UNREACHABLE = 69
    NOT_ALLOWED = 77
    INTERRUPTED = 130


MEANING: Final = {
    Exit.OK: "done; the drill succeeded; nothing would change",
    Exit.REFUSED: "drsorch refused it, or a file is wrong: the sentence says why",
    Exit.WOULD_CHANGE: "diff: something would change",
    Exit.FAILED: "the execution failed, or was cancelled or rejected",
    Exit.PARTIALLY: "it partially succeeded: every minimum was reached, but something failed or was skipped",
    Exit.TARGET_MISSED: "it succeeded, but --max-rto or --max-rpo was missed",
    Exit.CLEANUP_FAILED: "it succeeded, but its instances could not all be terminated",
    Exit.STILL_RUNNING: "--timeout is over; the execution continues",
    Exit.NOT_AS_SEALED: "verify: the file is not what was sealed",
    Exit.SECOND_PERSON: "it takes a second person, and is not done: the sentence says what to do",
    Exit.USAGE: "the command line, or the environment, is wrong",
    Exit.UNREACHABLE: "drsorch cannot be reached, or has a fault of its own",
    Exit.NOT_ALLOWED: "the token is not valid, or may not do this",
    Exit.INTERRUPTED: "interrupted with Ctrl-C; an execution continues",
}


class Stop(Exception):
    """The command ends here, with a sentence for whoever runs it."""

    def __init__(self, sentence: str, code: Exit = Exit.REFUSED) -> None:
        super().__init__(sentence)
        self.code = code
