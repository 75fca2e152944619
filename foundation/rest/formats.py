"""Answers in another format than JSON, for those who ask for it: by `Accept`, or by `?format=`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from foundation.errors import Invalid
from foundation.wording import listing
from foundation.yaml_text import MEDIA_TYPE, written


class ByFormat(DefaultContentNegotiation):
    """`?format=` wins over `Accept`, as a link has no headers."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        asked = request.query_params.get("format")
        known = [renderer.format for renderer in renderers]
        if asked is not None and asked not in known:
            raise Invalid.field("format", f"The format must be {listing(known, None, 'or')}, not “{asked[:60]}”.")
        return super().select_renderer(request, renderers, asked or format_suffix)


class YamlRenderer(BaseRenderer):
    """An object as YAML, with some of its members alone."""

    media_type = MEDIA_TYPE
    format = "yaml"
    charset = "utf-8"
    #: In this order.
    members: Sequence[str] = ()

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return written({name: data[name] for name in self.members}).encode()
