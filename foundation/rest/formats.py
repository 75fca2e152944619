"""Answers in another format than JSON, for those who ask for it: by `Accept`, or by `?format=`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from foundation.errors import Invalid
from foundation.files.yaml_text import MEDIA_TYPE, written
from foundation.wording import listing, short


class ByFormat(DefaultContentNegotiation):
    """`?format=` wins over `Accept`, as a link has no headers. JSON may be asked for, and needs no asking."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        asked = request.query_params.get("format")
        formats = [renderer.format for renderer in renderers]
        others = [one for one in formats if one != "json"]
        if asked is None or not others:
            return super().select_renderer(request, renderers, format_suffix)
        if asked not in formats:
            choice = f"Known here: {listing(others, None)}; without it the answer is JSON."
            raise Invalid.field("format", f"Unknown format “{short(asked, 60)}”. {choice}", "unknown")
        return super().select_renderer(request, renderers, asked)


class MadeRenderer(BaseRenderer):
    """The bytes of a file that the view has made already: a refusal to make it is an answer of the view."""

    charset = None
    render_style = "binary"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return bytes(data or b"")  # A 304 has no body, and its data is None.


class CsvRenderer(BaseRenderer):
    """For views that answer with `foundation.files.downloads.csv_download`: what may be asked for."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        raise NotImplementedError("a CSV is sent as a stream")


class YamlRenderer(BaseRenderer):
    """An object as YAML, with some of its members alone."""

    media_type = MEDIA_TYPE
    format = "yaml"
    charset = "utf-8"
    #: In this order.
    members: Sequence[str] = ()

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return written({name: data[name] for name in self.members}).encode()
