"""A forecast as the API and the database write it: plain JSON, whole seconds. Pure."""

from __future__ import annotations

from typing import Any

from executions.core.forecast.forecast import Forecast, Span


def document(forecast: Forecast) -> dict[str, Any]:
    return {
        "finish": _span(forecast.finish),
        "recovered": _span(forecast.recovered),
        "rto_probability": forecast.rto_probability,
        "based_on": str(forecast.based_on),
        "launches_known": forecast.learnt_from,
        "waves": [
            {
                "name": wave.name,
                "start": _span(wave.start),
                "finish": _span(wave.finish),
                "critical_share": round(wave.critical_share, 3),
            }
            for wave in forecast.waves
        ],
    }


def _span(span: Span) -> dict[str, int]:
    return {"p5_seconds": round(span.p5), "p50_seconds": round(span.p50), "p95_seconds": round(span.p95)}
