"""How the events of sites and protection groups read, and where their pages are."""

from __future__ import annotations

from audit.event_types import EventType
from audit.sentences import declare
from audit.subjects import declare_subject, rows_with_pages
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
