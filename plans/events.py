"""How the events of plans read, and where a plan's page is."""

from __future__ import annotations

from audit.event_types import EventType
from audit.sentences import declare
from audit.subjects import declare_subject, rows_with_pages
from plans.models import Plan

declare({
    EventType.PLAN_CREATED: "Plan {subject} was created.",
    EventType.PLAN_CHANGED: "Revision {revision} of plan {subject} was saved: {fields}.",
    EventType.PLAN_DELETED: "Plan {subject} was deleted.",
    EventType.PLAN_ARCHIVED: "Plan {subject} was archived.",
    EventType.PLAN_UNARCHIVED: "Plan {subject} was taken out of the archive.",
    EventType.PLAN_SOURCE_CHANGED: "Plan {subject} is now kept in git: {kept_at}.",
    EventType.PLAN_APPROVALS_AGREED: "It was agreed that a recovery of {subject} needs {approvals} "
    "instead of {instead_of}.",
})  # fmt: skip
declare_subject("plan", "plan", rows_with_pages(Plan), Plan.objects.visible_to)
