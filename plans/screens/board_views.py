"""What the board of a plan asks for: the plan again, what its changes mean, and to save them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from access import policy
from foundation.errors import DomainError, Invalid, Missing, NotAllowed, Stale
from foundation.forms import json_or_none
from foundation.overwriting import version_of
from foundation.people import person
from plans import selectors, services
from plans.clashing import Clashing
from plans.core import editing, waiting
from plans.core.document import PlanDocument, normalise
from plans.models import Plan
from plans.screens import plan_page
from plans.screens.clash import ClashCard, choices_of, clash_card


@require_http_methods(["GET", "HEAD", "POST"])
def body(request: HttpRequest, plan_id: int) -> HttpResponse:
    """The body of the plan's page. POST saves `board` on top of `version` and answers the new body, or leads to the
    form of the wave named in `then`. A refusal is sentences alone: the board stays as it is in the browser."""
    policy.require(request.user, "plans.view_plan")
    plan = selectors.plan_get(plan_id, request.user)
    if request.method != "POST":
        return _body(request, plan)
    policy.require(request.user, "plans.change_plan")
    try:
        plan = services.plan_arrange(
            plan=plan,
            board=_board(request),
            by=person(request),
            expected_version=version_of(request.POST.get("version", "")),
            choices=choices_of(request.POST),
        )
    except (Missing, NotAllowed):
        raise
    except Clashing as error:
        # A screen calls every clash a conflict; 412 belongs to requests that carry If-Match.
        return _refused(request, 409, clash=clash_card(error))
    except DomainError as error:
        status = 409 if isinstance(error, Stale) else error.status
        return _refused(request, status, sentences=[each.detail for each in error.errors] or [error.detail])
    if name := request.POST.get("then"):
        form = reverse("admin:plans_plan_wave", args=[plan.pk])
        return HttpResponseClientRedirect(f"{form}?{urlencode({'name': name})}#rules")
    return _body(request, plan, saved=True)


@require_POST
def changes(request: HttpRequest, plan_id: int) -> HttpResponse:
    """What saving `board` would change of what waits for what, and why it could not be saved. Nothing is saved."""
    policy.require(request.user, "plans.change_plan")
    plan = selectors.plan_get(plan_id, request.user)
    try:
        board = _board(request)
    except Invalid as error:
        return _refused(request, error.status, sentences=[error.detail])
    document = selectors.document(plan)
    arranged = editing.arranged(document, board)
    found = waiting.changes(document["waves"], arranged["waves"], board.renamed)
    context = {
        "changes": [waiting.sentence(change, saved=False) for change in found],
        "problems": _problems(arranged, person(request)),
    }
    return TemplateResponse(request, "admin/plans/_board_changes.html", context)


def _problems(document: PlanDocument, by: User) -> list[str]:
    try:
        normalise(document, groups=selectors.group_names(by))
    except Invalid as error:
        return [each.detail for each in error.errors]
    return []


def _board(request: HttpRequest) -> editing.Arrangement:
    return editing.arrangement_from(json_or_none(request.POST.get("board", "")))


def _body(request: HttpRequest, plan: Plan, *, saved: bool = False) -> HttpResponse:
    return TemplateResponse(request, "admin/plans/_body.html", {"saved": saved, **plan_page.body(request, plan)})


def _refused(
    request: HttpRequest, status: int, *, sentences: list[str] | None = None, clash: ClashCard | None = None
) -> HttpResponse:
    context: dict[str, Any] = {"sentences": sentences, "clash": clash}
    return TemplateResponse(request, "admin/plans/_board_refused.html", context, status=status)
