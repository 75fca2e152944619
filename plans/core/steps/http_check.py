"""An HTTP(S) address answers as expected."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from plans.core.steps.checks import EVERY_SECONDS
from plans.core.steps.kind import Kind
from plans.core.steps.parameters import Text, Whole

_VARIABLE = re.compile(r"\{\{[^{}]*\}\}")


def _problem(url: str) -> str:
    """Whether it will be an HTTP address; a variable such as {{private_ip:web-1}} stands for a host or a word."""
    wrong = "must look like https://host/path"
    try:
        parts = urlsplit(_VARIABLE.sub("variable", url))
        _ = parts.port
    except ValueError:
        return wrong
    return "" if parts.scheme in ("http", "https") and parts.hostname and " " not in url else wrong


KIND = Kind(
    "HTTP check",
    (
        Text(name="url", label="URL", required=True, limit=2000, problem=_problem),
        Whole(name="expected_status", label="Expected status", low=100, high=599, default=200),
        EVERY_SECONDS,
        Text(name="contains", label="Answer contains"),
    ),
    about=lambda stored: str(stored.get("url", "")),
)
