"""The forecast of a plan as a part of its page, asked for once that is shown, and again while its board is changed."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.http import require_http_methods

from access import policy
from executions.engine.forecasting import calibration_of, plan_forecast
from executions.screens.forecasts.card import forecast_card
from foundation.errors import Invalid
from foundation.forms import json_or_none
from plans import selectors
from plans.core import Blueprint, editing
from plans.core.document import normalise
from plans.models import Plan

_NOTHING = "There is nothing to forecast: the plan has no waves."
_NOT_YET = "The forecast returns when the board can be saved: "


@require_http_methods(["GET", "HEAD", "POST"])
def plan_forecast_part(request: HttpRequest, plan_id: int) -> HttpResponse:
    """POST forecasts the plan as it stands on its `board`, unsaved."""
    policy.require(request.user, "plans.view_plan")
    plan = selectors.plan_get(plan_id, request.user)
    try:
        blueprint, why = _blueprint(request, plan), _NOTHING
    except Invalid as error:
        blueprint, why = None, f"{_NOT_YET}{error.errors[0].detail}"
    found = plan_forecast(blueprint) if blueprint else None
    card = forecast_card(found, plan.rto_target_seconds, calibration_of(plan.pk)) if found else None
    return TemplateResponse(request, "admin/executions/plan_forecast.html", {"forecast": card, "why": why})


def _blueprint(request: HttpRequest, plan: Plan) -> Blueprint:
    if request.method != "POST":
        return selectors.blueprint(plan)
    board = editing.arrangement_from(json_or_none(request.POST.get("board", "")))
    unsaved = normalise(editing.arranged(selectors.document(plan), board), groups=selectors.group_names(request.user))
    return selectors.blueprint(plan, unsaved)
