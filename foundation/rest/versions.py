"""Optimistic concurrency: an `ETag` out, `If-Match` in (RFC 9110, 13.1.1)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils.http import parse_etags
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from foundation.errors import Invalid, Stale, VersionNeeded


def version_field() -> serializers.IntegerField:
    """For the serializer of an object that is edited; `VersionedMixin` reads what is sent in it."""
    return serializers.IntegerField(
        required=False,
        min_value=1,
        help_text="In a change: the version that you last read. If there is a newer one, nothing changes: 412.",
    )


#: Of what has a version: that version, and the beginning of a digest of the answer, which may change without it.
_VERSION_TAG: Final = re.compile(r'(?:W/)?"([0-9]{1,18})(?:-[0-9a-f]{16})?"', re.ASCII)


def content_etag(data: Any) -> str:
    """A strong ETag of an answer without a version: the SHA-256 of its JSON."""
    return f'"{_digest(data)}"'


def _digest(data: Any) -> str:
    return hashlib.sha256(JSONRenderer().render(data)).hexdigest()


def if_match(request: Request) -> list[str]:
    """The tags of `If-Match`; empty if there is none, or if any will do (`*`)."""
    header = request.headers.get("If-Match", "").strip()
    return [] if header in ("", "*") else [_strong(tag) for tag in parse_etags(header)] or [header]


def knows_already(request: HttpRequest | Request, etag: str) -> bool:
    """True if the caller has the answer with this tag (`If-None-Match`, RFC 9110, 13.1.2)."""
    # Weak comparison: who compresses makes a tag weak.
    known = {_strong(tag) for tag in parse_etags(request.headers.get("If-None-Match", ""))}
    return _strong(etag) in known or "*" in known


def _strong(tag: str) -> str:
    return tag.removeprefix("W/")


class VersionedMixin(GenericAPIView[Any]):
    """For views of objects with a `version`: changes honour `If-Match`, and go by the version in the ETag alone. The
    rest of it tells answers apart that differ although nobody edited the object, such as a site that has been synced.
    """

    versioned = True

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)
        data = getattr(response, "data", None)
        if response.status_code < 300 and isinstance(data, Mapping) and "version" in data:
            response["ETag"] = f'"{data["version"]}-{_digest(data)[:16]}"'
        return response

    def expected_version(self) -> int | None:
        """The version that the caller believes to change, by `If-Match` or `version` in the body; None if unsaid.

        Raises `Stale` if what was sent cannot be the current version, `Invalid` if it is not a version.
        """
        by_tag, by_body = self._tagged_version(), self._version_in_body()
        if by_tag is not None and by_body is not None and by_tag != by_body:
            raise Stale(
                f"If-Match says version {by_tag}, and the body says {by_body}: one of them is out of date. "
                "Read it again, then repeat your change."
            )
        return by_body if by_tag is None else by_tag

    def require_version(self, saved_by: User | None) -> None:
        """For a change of the whole object that says no version: `saved_by` saved what it would overwrite.

        Raises `VersionNeeded` unless that was the caller, who then has seen it. `If-Match: *` overwrites anything.
        """
        if saved_by is None or saved_by.pk == self.request.user.pk or "If-Match" in self.request.headers:
            return
        raise VersionNeeded(
            f"A PUT replaces everything, and {saved_by.get_username()} saved the current version. Read it, then send "
            "its ETag in If-Match, or its version in the body."
        )

    def _tagged_version(self) -> int | None:
        header = self.request.headers.get("If-Match")
        if header is None or header.strip() == "*":
            return None
        versions = [int(found[1]) for tag in parse_etags(header) if (found := _VERSION_TAG.fullmatch(tag))]
        if len(versions) == 1:
            return versions[0]
        current: int = self.get_object().version
        if current in versions:
            return current
        raise Stale(
            f"If-Match says {header}, but the current version is {current}. Read it again, then repeat your change."
        )

    def _version_in_body(self) -> int | None:
        version = self.request.data.get("version") if isinstance(self.request.data, Mapping) else None
        if version is None:
            return None
        if not isinstance(version, int) or isinstance(version, bool):
            raise Invalid.field("version", "The version must be a whole number: the one that you last read.")
        return version
