"""The report of an execution, in each of its forms (docs/api.md, "Evidence")."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from executions.selectors import execution_get
from foundation.errors import Invalid
from foundation.rest.formats import ByFormat, MadeRenderer
from foundation.rest.versions import knows_already
from foundation.rest.views import ApiView
from reports.api.dossier import EXECUTION_ID
from reports.reading import report_of
from reports.rendering import FORMS, Form


def _renderer(form: Form) -> type[MadeRenderer]:
    return type(f"{form.name.title()}Renderer", (MadeRenderer,), {"media_type": form.media_type, "format": form.name})


_FORMAT = OpenApiParameter(
    "format", str, enum=list(FORMS), description="`json` is the evidence itself; the others are made from it."
)
_VERSION = OpenApiParameter(
    "version", int, description="A version that was sealed. Without it the newest, or a preliminary report."
)


class ReportView(ApiView):
    """What happened, measured against what was planned and promised."""

    permissions: ClassVar[dict[str, str | None]] = {"get": "reports.view_report"}
    query_parameters = ("format", "version")
    content_negotiation_class = ByFormat
    renderer_classes = tuple(_renderer(form) for form in FORMS.values())
    asks_outside = frozenset({"get"})

    @extend_schema(
        parameters=[EXECUTION_ID, _FORMAT, _VERSION],
        responses={
            (200, "application/json"): OpenApiTypes.OBJECT,
            **{(200, form.media_type): OpenApiTypes.BINARY for form in FORMS.values() if form.name != "json"},
        },
    )
    def get(self, request: Request, id: str) -> Response:
        """Read the report of an execution. Its ETag is the SHA-256 of the canonical JSON; of another form, with the
        form's name."""
        report = report_of(execution_get(id, request.user), _version(request))
        form = FORMS[request.accepted_renderer.format]
        tag = report.sha256 if form.name == "json" else f"{report.sha256}-{form.name}"
        if knows_already(request, f'"{tag}"'):
            # It need not be made, which of a PDF takes seconds.
            return Response(status=status.HTTP_304_NOT_MODIFIED, headers={"ETag": f'"{tag}"'})
        headers = {
            "ETag": f'"{tag}"',
            "Content-Disposition": f'{form.disposition}; filename="{report.name}.{form.ending}"',
        }
        return Response(form.make(report), headers=headers, content_type=form.content_type)


def _version(request: Request) -> int | None:
    text = request.query_params.get("version")
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise Invalid.field("version", "The version must be a whole number: that of a report that was sealed.")
    return int(text)
