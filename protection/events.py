"""How the events of sites and protection groups read, and where their pages are; and what of a site takes a second
person (`access.proposals`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User

from access.proposals import declare as declare_kind
from audit.event_types import EventType
from audit.sentences import declare
from audit.subjects import declare_subject, rows_with_pages
from protection import selectors, services
from protection.models import ProtectionGroup, Site

declare({
    EventType.SITE_CREATED: "Site {subject} was created.",
    EventType.SITE_CHANGED: "Site {subject} was changed: {fields}.",
    EventType.SITE_DELETED: "Site {subject} was deleted.",
    EventType.SOURCE_SERVER_REMOVED: "Source server {server} was removed from the inventory of site {subject}.",
    EventType.PROTECTION_GROUP_CREATED: "Protection group {subject} was created.",
    EventType.PROTECTION_GROUP_CHANGED: "Protection group {subject} was changed: {fields}.",
    EventType.PROTECTION_GROUP_DELETED: "Protection group {subject} was deleted.",
})  # fmt: skip
declare_subject("site", "site", rows_with_pages(Site), Site.objects.visible_to)
declare_subject(
    "protection_group", "protection group", rows_with_pages(ProtectionGroup), ProtectionGroup.objects.visible_to
)


def _connection(site_id: str, version: int, asked: Mapping[str, Any], by: User) -> None:
    services.site_update(site=selectors.site_get(site_id, by), changes=asked, by=by, expected_version=version)


declare_kind("site.connection", "Change the connection of the site", "protection.change_site", _connection)
