"""Optimistic concurrency: an `ETag` out, `If-Match` in (RFC 9110, 13.1.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.http import parse_etags
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from foundation.errors import Stale
from foundation.references import id_of


class VersionedMixin(GenericAPIView[Any]):
    """For views of objects with a `version`: answers carry `ETag: "<version>"`, changes honour `If-Match`."""

    versioned = True

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)
        data = getattr(response, "data", None)
        if response.status_code < 300 and isinstance(data, Mapping) and "version" in data:
            response["ETag"] = f'"{data["version"]}"'
        return response

    def expected_version(self) -> int | None:
        """The version that the caller believes to change; None if the caller does not say.

        Raises `Stale` if none of the tags sent can be the current one.
        """
        header = self.request.headers.get("If-Match")
        if header is None or header.strip() == "*":
            return None
        versions = [int(tag[1:-1]) for tag in parse_etags(header) if id_of(tag[1:-1]) is not None and tag[0] == '"']
        if len(versions) == 1:
            return versions[0]
        current: int = self.get_object().version
        if current in versions:
            return current
        raise Stale(
            f"If-Match says {header}, but the current version is {current}. Read it again, then repeat your change."
        )
