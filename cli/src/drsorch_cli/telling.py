"""Output: sentences on standard output, trouble on standard error, JSON where a script asks for it."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console
from rich.text import Text


class Teller:
    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.out = Console(highlight=False, soft_wrap=True)
        self.err = Console(stderr=True, highlight=False, soft_wrap=True)

    @property
    def is_live(self) -> bool:
        """Somebody watches, and what is written can be written over; a pipeline that forces colours is no one."""
        return sys.stdout.isatty() and not self.as_json

    def agreed(self, question: str) -> bool:
        """Ask whoever sits there; the end of the input is a no."""
        try:
            return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
        except EOFError:
            return False

    def say(self, sentence: str, style: str = "") -> None:
        """For people: with --json, beside the JSON."""
        (self.err if self.as_json else self.out).print(Text(sentence, style=style))

    def warn(self, sentence: str) -> None:
        self.err.print(Text(f"Warning: {sentence}", style="yellow"))

    def trouble(self, sentence: str) -> None:
        self.err.print(Text(sentence, style="red"))

    def result(self, value: Any) -> None:
        """The one thing that a script reads."""
        if self.as_json:
            sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
            sys.stdout.flush()
