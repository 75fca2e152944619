"""Sites and protection groups are held to the audit trail."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from audit.changes import plain
from audit.holding import Recorded, holds
from protection.models import ProtectionGroup, Site


def hold() -> None:
    """Called once, when the app is ready."""
    holds("site", Recorded(lambda ids: _rows(Site, ids)))
    holds("protection_group", Recorded(lambda ids: _rows(ProtectionGroup, ids)))


def _rows(model: type[Site] | type[ProtectionGroup], ids: Collection[str]) -> dict[str, Mapping[str, Any]]:
    # Its actors need the broker, which is not there when the app is loaded.
    from protection.services import facts_of

    rows = model._default_manager.filter(pk__in=[int(each) for each in ids if each.isdecimal()])
    found = {}
    for row in rows if model is Site else rows.select_related("site"):
        facts = {name: plain(value) for name, value in facts_of(row).items()}
        if model is ProtectionGroup:
            # A site that is renamed is the site's own event.
            del facts["site"]
        found[str(row.pk)] = facts
    return found
