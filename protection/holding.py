"""Sites and protection groups are held to the audit trail."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from audit.changes import plain
from audit.holding import Recorded, holds
from protection.models import ProtectionGroup, Site


def hold() -> None:
    """Called once, when the app is ready."""
    holds("site", Recorded(_sites, lambda: _named(Site), ("site", _secrets)))
    holds("protection_group", Recorded(_groups, lambda: _named(ProtectionGroup)))


def _named(model: type[Site | ProtectionGroup]) -> Iterable[tuple[object, str]]:
    return model._default_manager.order_by("pk").values_list("pk", "name").iterator(2000)


def _sites(ids: Collection[str]) -> dict[str, Mapping[str, Any]]:
    return {str(site.pk): _facts(site) for site in Site.objects.filter(pk__in=_numbers(ids))}


def _groups(ids: Collection[str]) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for group in ProtectionGroup.objects.filter(pk__in=_numbers(ids)).select_related("site"):
        facts = _facts(group)
        # A site that is renamed is the site's own event: which one it is, its id says.
        found[str(group.pk)] = {name: facts[name] for name in facts if name != "site"}
    return found


def _secrets(ids: Collection[str]) -> dict[str, Mapping[str, Any]]:
    from protection.services import secrets_of

    return {str(site.pk): secrets_of(site) for site in Site.objects.filter(pk__in=_numbers(ids))}


def _facts(row: Site | ProtectionGroup) -> Mapping[str, Any]:
    # Its actors need the broker, which is not there when the app is loaded.
    from protection.services import SECRET_FIELDS, facts_of

    return {name: plain(value) for name, value in facts_of(row).items() if name not in SECRET_FIELDS}


def _numbers(ids: Collection[str]) -> list[int]:
    return [int(each) for each in ids if each.isdecimal()]
