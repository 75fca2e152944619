"""Which drsorch this is. The packaging's own number (pyproject.toml); a test holds the two together."""

from __future__ import annotations

from typing import Final

VERSION: Final = "0.1.0"
