"""Pages and their tokens. A token names the last item given out, so that a list may change between two pages."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from drs.simulator.errors import validation

Item = TypeVar("Item")


def page(
    operation: str,
    params: Mapping[str, Any],
    items: Sequence[Item],
    *,
    position: Callable[[Item], float],
    render: Callable[[Item], dict[str, Any]],
    default_size: int,
    key: str = "items",
) -> dict[str, Any]:
    """One page of `items`, which are sorted by rising `position`."""
    query = _fingerprint(operation, params)
    after = _read(params["nextToken"], query) if params.get("nextToken") else None
    rest = items if after is None else [item for item in items if position(item) > after]
    size = min(params.get("maxResults") or default_size, default_size)
    answer: dict[str, Any] = {key: [render(item) for item in rest[:size]]}
    if len(rest) > size:
        answer["nextToken"] = _write(position(rest[size - 1]), query)
    return answer


def _fingerprint(operation: str, params: Mapping[str, Any]) -> str:
    asked = {key: value for key, value in params.items() if key not in ("nextToken", "maxResults")}
    return hashlib.blake2b(json.dumps([operation, asked], sort_keys=True).encode(), digest_size=6).hexdigest()


def _write(position: float, query: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([position, query]).encode()).decode()


def _read(token: str, query: str) -> float:
    try:
        position, asked = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, binascii.Error):
        raise validation("Invalid pagination token.") from None
    if asked != query or not isinstance(position, int | float):
        raise validation("The pagination token belongs to another request.")
    return float(position)
