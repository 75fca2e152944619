"""Bases of the API's views: they carry the conventions, so that an app's `api.py` says only what is its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase
from drf_spectacular.utils import OpenApiParameter
from rest_framework import mixins, serializers, status
from rest_framework.fields import empty
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from foundation.errors import DomainError, NotYet
from foundation.people import person
from foundation.rest.answers import finished
from foundation.rest.idempotency import AlreadyAnswered, KeyClaim, key_claim
from foundation.rest.parsers import MergePatchParser, merged
from foundation.rest.strict import refuse_body, refuse_unknown_query
from foundation.rest.throttling import Standing, TooMany, counted
from foundation.rest.versions import VersionedMixin

#: action (or method name) -> permission of the policy, or several of which one lets in so far; None: anybody who is
#: signed in; not named: nobody.
Permissions = Mapping[str, str | tuple[str, ...] | None]


class ApiView(APIView):
    """Problems as JSON in every case, bodies within `DATA_UPLOAD_MAX_MEMORY_SIZE`, POSTs that honour their key."""

    permissions: ClassVar[Permissions] = {}

    #: Query parameters beside those of a list's filters, order and pages.
    query_parameters: tuple[str, ...] = ()

    #: True where an action besides `list` answers in pages.
    paged: ClassVar[bool] = False

    #: Actions that change nothing although their method may: a read-only token may use them.
    reads: ClassVar[frozenset[str]] = frozenset()

    #: Actions that take no body although their method may have one.
    without_body: ClassVar[frozenset[str]] = frozenset()

    # What the OpenAPI document cannot see:
    #: What `{id}` is in the view's addresses; None: what the model says.
    id_parameter: ClassVar[OpenApiParameter | None] = None
    #: What one of its objects is called, and several; empty: as the model says.
    noun: ClassVar[str] = ""
    many: ClassVar[str] = ""
    #: Actions that need AWS, or wait for a worker: 503 where it cannot be reached.
    asks_outside: ClassVar[frozenset[str]] = frozenset()
    #: Actions that read and may answer 409.
    may_conflict: ClassVar[frozenset[str]] = frozenset()
    #: Actions whose answer has no ETag: it is written while it is sent, or never the same.
    untagged: ClassVar[frozenset[str]] = frozenset()
    #: Changes that need no version, although the object has one.
    unversioned: ClassVar[frozenset[str]] = frozenset()

    #: Actions that stop or control an execution: counted apart, so that a script that reads too much can still cancel.
    urgent: ClassVar[frozenset[str]] = frozenset()

    _claim: KeyClaim | None = None
    #: How many requests its sender has left; None where there is no limit.
    _standing: Standing | None = None

    @property
    def person(self) -> User:
        """Who is signed in; the permissions have let nobody else through."""
        return person(self.request)

    def about(self) -> Any:
        """The row that the address names, for this person to act on; None where it names none. Raises `Missing`."""
        return self.get_object() if getattr(self, "detail", False) else None  # type: ignore[attr-defined] # a viewset has it

    def key_done(self, location: str, *, created: bool = False) -> None:
        """To be called in the transaction that does the work of a POST: what its key stands for is done when that is.

        `location` is where the result can be read, should this answer be lost.
        """
        if self._claim is not None:
            self._claim.done(location, created=created)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response: HttpResponseBase | None = None
        try:
            response = super().dispatch(request, *args, **kwargs)
            if self._claim is not None and isinstance(response, Response):
                response.render()
        finally:
            if self._claim is not None:
                self._claim.settle(response)
        return finished(request, response, self._standing)

    def get_parsers(self) -> list[Any]:
        """A PATCH may say that it is one (RFC 7396)."""
        parsers = super().get_parsers()
        if getattr(self, "swagger_fake_view", False) or self.request.method != "PATCH":
            return parsers
        return [*parsers, MergePatchParser()]

    def perform_authentication(self, request: Request) -> None:
        """Counts the request too, whether its token is good or not."""
        try:
            super().perform_authentication(request)
        finally:
            self._count(request)

    def _count(self, request: Request) -> None:
        try:
            self._standing = counted(request, urgent=getattr(self, "action", None) in self.urgent)
        except TooMany as refusal:
            self._standing = refusal.standing
            raise

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        _ = request._request.body  # raises RequestDataTooBig; DRF's parsers have no limit of their own
        refuse_unknown_query(self, request)
        refuse_body(self, request)
        self._claim = key_claim(request)

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, AlreadyAnswered):
            return exc.response  # type: ignore[return-value] # finalize_response takes any HttpResponse
        if isinstance(exc, NotYet):
            try:
                kept = exc.keep()
            except DomainError as refusal:
                return super().handle_exception(refusal)
            location = self.request.build_absolute_uri(kept.location)
            return Response(kept.body, status=status.HTTP_202_ACCEPTED, headers={"Location": location})
        return super().handle_exception(exc)

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)
        # Neither a problem nor what OPTIONS says of an address can be had as a CSV or a PDF.
        if getattr(response, "exception", False) or request.method == "OPTIONS":
            response.accepted_renderer = JSONRenderer()
        return response


class ReadViewSet(ApiView, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Any]):
    """List and read."""

    ordering_fields: ClassVar[Any] = ()
    lookup_field = "id"
    lookup_value_regex = "[^/]+"


class WriteViewSet(VersionedMixin, ReadViewSet, ABC):
    """List, read, create, change, delete. A subclass gives three one-line methods that call its services."""

    @abstractmethod
    def create_object(self, data: dict[str, Any]) -> Any:
        """Returns the new row."""

    @abstractmethod
    def change_object(self, row: Any, data: dict[str, Any], expected_version: int | None) -> Any:
        """Returns the changed row. `data` holds only what was sent if the request is a PATCH."""

    @abstractmethod
    def delete_object(self, row: Any, expected_version: int | None) -> None:
        """Delete the row, unless its version is another than the expected one."""

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        with transaction.atomic():
            row = self.create_object(_without_version(serializer.validated_data))
            location = self.reverse_action("detail", args=[getattr(row, self.lookup_field)])
            self.key_done(location, created=True)
        return Response(self.represent(row), status=status.HTTP_201_CREATED, headers={"Location": location})

    def update(self, request: Request, *args: Any, partial: bool = False, **kwargs: Any) -> Response:
        row = self.get_object()
        expected = self.expected_version()
        if expected is None and not partial:
            self.require_version(self.saved_by(row))
        serializer = self.get_serializer(row, data=self._sent(row), partial=partial)
        serializer.is_valid(raise_exception=True)
        data = _without_version(serializer.validated_data)
        return Response(self.represent(self.change_object(row, data, expected)))

    def _sent(self, row: Any) -> Any:
        """The body; of a merge patch, each object that it has is merged with the one that the row shows, and null is
        what a member has that a PUT leaves out."""
        sent: Any = self.request.data
        if self.request.content_type.partition(";")[0].strip().lower() != MergePatchParser.media_type:
            return sent
        serializer: Any = self.get_serializer()
        shown, fields = self.represent(row), serializer.fields
        return {
            name: merged(shown.get(name), value) if isinstance(value, Mapping) else _removed(fields.get(name), value)
            for name, value in sent.items()
        }

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.update(request, *args, partial=True, **kwargs)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        self.delete_object(self.get_object(), self.expected_version())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @abstractmethod
    def saved_by(self, row: Any) -> User | None:
        """Who saved the current version; None if that is not known."""

    def represent(self, row: Any) -> Any:
        """The row as a GET would show it: read again, with what the queryset adds."""
        return self.get_serializer(self.get_queryset().get(pk=row.pk)).data


def _removed(field: Any, value: Any) -> Any:
    """The value; instead of null, what the field has where it is not sent. One that has to be sent refuses null."""
    if value is not None or field is None or field.required or field.allow_null:
        return value
    if field.default is not empty:
        return field.default() if callable(field.default) else field.default
    if isinstance(field, serializers.ListField | serializers.ListSerializer):
        return []
    return "" if getattr(field, "allow_blank", False) else value


def _without_version(data: Any) -> Any:
    return {name: value for name, value in data.items() if name != "version"} if isinstance(data, Mapping) else data
