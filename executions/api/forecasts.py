"""Forecasts under /api/v1/: of a plan here, of an execution with the execution."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from executions.api.serializers import ForecastSerializer
from executions.engine.forecasting import calibration_of, plan_forecast
from foundation.errors import Conflict
from foundation.rest.schema import ID_OR_NAME
from foundation.rest.views import ApiView
from plans.selectors import blueprint, plan_get


class CalibrationSerializer(serializers.Serializer[Any]):
    executions = serializers.IntegerField(help_text="Executions of the plan that recovered the application.")
    within = serializers.IntegerField(help_text="How many of them ended between P5 and P95 of their first forecast.")


class PlanForecastSerializer(ForecastSerializer):
    calibration = CalibrationSerializer()


class PlanForecastView(ApiView):
    """When the plan would be over if it were started now, from 200 made-up runs with DRS's quotas."""

    permissions: ClassVar[dict[str, str | None]] = {"get": "plans.view_plan"}

    may_conflict = frozenset({"get"})

    @extend_schema(parameters=[ID_OR_NAME], responses=PlanForecastSerializer)
    def get(self, request: Request, id: str) -> Response:
        """Forecast a plan. When it would be over if it were started now."""
        plan = plan_get(id, request.user)
        found = plan_forecast(blueprint(plan))
        if found is None:
            raise Conflict(f"Plan {plan} has no waves, so there is nothing to forecast.", code="empty_plan")
        whole = {**found, "calibration": asdict(calibration_of(plan.pk))}
        return Response(whole)
