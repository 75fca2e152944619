"""The register over all plans: `register/` (docs/api.md, "Evidence")."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from foundation.rest.formats import ByFormat, MadeRenderer
from foundation.rest.views import ApiView
from reports.api.described import RegisterSerializer
from reports.registers import register_of
from reports.rendering.register import REGISTER_FORMS, RegisterForm, file_name


def _renderer(form: RegisterForm) -> type[MadeRenderer]:
    of = {"media_type": form.media_type.partition(";")[0], "format": form.name}
    return type(f"Register{form.name.title()}Renderer", (MadeRenderer,), of)


_FORMAT = OpenApiParameter("format", str, enum=list(REGISTER_FORMS), description="JSON if it is not given.")


class RegisterView(ApiView):
    """What is proven of every plan in use: what an auditor is handed today."""

    permissions: ClassVar[dict[str, str | None]] = {"get": "reports.view_report"}
    query_parameters = ("format",)
    content_negotiation_class = ByFormat
    asks_outside = frozenset({"get"})
    untagged = frozenset({"get"})
    renderer_classes = tuple(_renderer(form) for form in REGISTER_FORMS.values())

    @extend_schema(
        parameters=[_FORMAT],
        responses={
            (200, "application/json"): RegisterSerializer,
            (200, "text/csv"): OpenApiTypes.BINARY,
            (200, "application/pdf"): OpenApiTypes.BINARY,
        },
    )
    def get(self, request: Request) -> Response:
        """Read the register. Of each plan the last good drill, targets, trend, open findings, sign-offs, last run; the
        worst first."""
        document = register_of(self.person)
        form = REGISTER_FORMS[request.accepted_renderer.format]
        headers = {"Cache-Control": "no-store"}
        if form.name != "json":
            headers["Content-Disposition"] = f'attachment; filename="{file_name(document, form)}"'
        return Response(form.make(document), headers=headers, content_type=form.media_type)
