"""A plan's runbook as a file, to keep where drsorch is not."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from access import policy
from foundation.people import person
from foundation.screens import Pages
from plans.core.purpose import purpose_of
from plans.models import Plan
from plans.screens.purpose import purpose_lines
from plans.screens.runbook import runbook
from plans.selectors import plan_get, revision_newest
from reports.printing import pdf_of_runbook


@require_safe
def download(request: HttpRequest, plan_id: int) -> HttpResponse:
    """The runbook of the plan as PDF."""
    policy.require(request.user, "plans.view_plan")
    plan = plan_get(plan_id, request.user)
    name = f"{plan.name} runbook, revision {plan.version}.pdf"
    return HttpResponse(
        pdf_of_runbook(_document(plan, person(request).get_username())),
        content_type="application/pdf",
        headers={"Content-Disposition": content_disposition_header(as_attachment=True, filename=name) or "attachment"},
    )


def _document(plan: Plan, by: str) -> dict[str, Any]:
    """As `pdf_of_runbook` takes it."""
    revision = revision_newest(plan)
    return {
        "made_at": timezone.now(),
        "made_by": by,
        "plan": {
            "name": plan.name,
            "revision": plan.version,
            "saved_at": revision.saved_at,
            "saved_by": revision.saved_by_name,
            "description": plan.description,
            "contacts": plan.contacts,
            "rto_target_seconds": plan.rto_target_seconds,
            "rpo_target_seconds": plan.rpo_target_seconds,
            "mtpd_seconds": plan.mtpd_seconds,
            "archived": plan.archived_at is not None,
        },
        "purpose": [{"label": line.label, "text": line.text} for line in purpose_lines(purpose_of(plan))],
        "runbook": asdict(runbook(plan)),
    }


PAGES: Final[Pages] = (("runbook/<int:plan_id>/runbook.pdf", download, "runbook_file"),)
