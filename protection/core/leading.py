"""Where a site leads, in words. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any


def led_elsewhere(
    before: Mapping[str, Any], after: Mapping[str, Any], secret: Collection[str], clean: Callable[[Any], Any]
) -> list[str]:
    """What changes of a site's connection, a line each, for whoever is to agree. `clean` takes the secrets out of an
    address."""
    said = []
    for name, new in after.items():
        label, old = name.replace("_", " ").replace("arn", "ARN").replace("url", "URL"), before[name]
        if name in secret:
            said.append(f"{label}: {'another one' if new else 'none any more'}")
        else:
            now, then = clean(new), clean(old)
            said.append(f"{label}: {now or 'none'}, until now {then or 'none'}")
    return said
