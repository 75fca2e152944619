"""`Idempotency-Key`: the same POST sent again does its work once and answers its first success again.

The row goes in before the work is done, so that of two that arrive at once only one does it. What was answered is
kept for 24 hours, sealed: it may hold a token that is shown once. A refusal is not kept, whatever its status: nothing
was done, so the same key asks again.

The row is marked in the transaction that does the work (`KeyClaim.done`). A process that is killed after that, and
before its answer is kept, leaves a row from which the next attempt answers what is there now. One that is killed
before leaves an unfinished row: `ABANDONED_AFTER` later the next attempt takes it over, and does the work.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from urllib.parse import urlsplit

from cryptography.fernet import InvalidToken
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.urls import resolve
from django.utils import timezone
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from foundation.errors import Conflict, Invalid
from foundation.models import IdempotentAnswer
from foundation.vault import vault

HEADER = "Idempotency-Key"
KEPT_FOR = timedelta(hours=24)
#: Longer than any request of ours takes, so that a first attempt this old is taken for dead.
ABANDONED_AFTER = timedelta(minutes=2)

_HEADERS_KEPT = ("Cache-Control", "Content-Type", "ETag", "Location")
_KEY_LENGTH = 255


class StillInProgress(APIException):
    """409 with `Retry-After`: the first request with this key has not answered yet."""

    status_code = 409
    default_code = "idempotency_in_progress"
    default_detail = "The first request with this Idempotency-Key is still being processed. Try again in a moment."
    wait = 1


class AlreadyAnswered(Exception):
    """Ends a request with the answer that its first attempt got."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__()
        self.response = response


@dataclass(frozen=True, slots=True)
class KeyClaim:
    """The right, and the duty, to do the work of one key. It ends in `settle`."""

    pk: int
    claimed_at: datetime

    def done(self, location: str, *, created: bool) -> None:
        """Mark the work as done, in its own transaction; `location` is where the result can be read.

        Raises `StillInProgress` if the attempt was taken for dead and overtaken: the newer one does the work.
        """
        headers = {"Location": location} if created else {}
        if not self._row().update(location=urlsplit(location).path, headers=headers):
            raise StillInProgress

    def settle(self, response: HttpResponseBase | None) -> None:
        """Keep the answer; or, where nothing was done (None: it broke off), let the key be used again."""
        row = self._row()
        if not isinstance(response, HttpResponse) or not 200 <= response.status_code < 300:
            row.filter(location="").delete()
            return
        row.update(
            status=response.status_code,
            headers={name: response[name] for name in _HEADERS_KEPT if name in response},
            body=vault(__name__).encrypt(response.content).decode(),
        )

    def _row(self) -> QuerySet[IdempotentAnswer]:
        """Guarded: an attempt that was taken for dead and overtaken keeps its hands off the newer one's row."""
        return IdempotentAnswer.objects.filter(pk=self.pk, status=None, created_at=self.claimed_at)


def key_claim(request: Request) -> KeyClaim | None:
    """The claim on the request's key; None if it carries none.

    Raises `AlreadyAnswered` with the first answer, `Conflict` if the key stands for another request, `StillInProgress`,
    or `Invalid` if the key is not valid.
    """
    key = request.headers.get(HEADER)
    if key is None or request.method != "POST":
        return None
    if not (0 < len(key) <= _KEY_LENGTH and key.isascii() and key.isprintable()):
        raise Invalid(f"An {HEADER} must be 1 to {_KEY_LENGTH} printable ASCII characters.")
    now = timezone.now()
    user, fingerprint = cast("User", request.user), _fingerprint(request)
    IdempotentAnswer.objects.filter(user=user, key=key, created_at__lt=now - KEPT_FOR).delete()
    try:
        with transaction.atomic():
            row = IdempotentAnswer.objects.create(user=user, key=key, fingerprint=fingerprint, created_at=now)
    except IntegrityError:
        return _second_attempt(request, key, fingerprint, now)
    return KeyClaim(row.pk, now)


def expired_delete(now: datetime) -> int:
    """Delete the answers that have been kept for long enough; returns how many."""
    deleted, _ = IdempotentAnswer.objects.filter(created_at__lt=now - KEPT_FOR).delete()
    return deleted


def _second_attempt(request: Request, key: str, fingerprint: str, now: datetime) -> KeyClaim:
    first = IdempotentAnswer.objects.filter(user=request.user.pk, key=key).first()
    if first is None:  # it broke off this very moment
        raise StillInProgress
    if first.fingerprint != fingerprint:
        raise Conflict(
            f"This {HEADER} was used for a different request. Use a new key for a new request.",
            code="idempotency_key_reused",
        )
    if first.status is not None:
        raise AlreadyAnswered(_answer(first, first.status))
    if first.location:
        raise AlreadyAnswered(_as_it_is_now(request, first))
    taken_over = first.created_at < now - ABANDONED_AFTER and IdempotentAnswer.objects.filter(
        pk=first.pk, status=None, created_at=first.created_at
    ).update(created_at=now)
    if not taken_over:
        raise StillInProgress
    return KeyClaim(first.pk, now)


def _answer(first: IdempotentAnswer, status: int) -> HttpResponse:
    try:
        body = vault(__name__).decrypt(first.body)
    except InvalidToken as error:
        raise Conflict(
            "This request was answered before, but SECRET_KEY has changed since then and the stored answer cannot be "
            "read. Check whether the request was carried out before you send it with a new key.",
            code="idempotency_answer_unreadable",
        ) from error
    headers = {**first.headers, "Idempotency-Replayed": "true"}
    return HttpResponse(body, status=status, headers=headers)


def _as_it_is_now(request: Request, first: IdempotentAnswer) -> HttpResponse:
    """What the first attempt did, read again: its own answer was lost with the process, or is only being written."""
    get = copy(request._request)
    get.method = "GET"
    get.path = get.path_info = first.location
    get.META = {**request._request.META, "REQUEST_METHOD": "GET", "PATH_INFO": first.location, "QUERY_STRING": ""}
    # What was posted is not for a GET to read, which would refuse it.
    get.META["CONTENT_LENGTH"], get._body = "0", b""
    view, args, kwargs = resolve(first.location)
    answer = view(get, *args, **kwargs)
    if answer.status_code == 200 and first.headers:
        answer.status_code = 201
    for name, value in {**first.headers, "Idempotency-Replayed": "true"}.items():
        answer[name] = value
    return cast("HttpResponse", answer)


def _fingerprint(request: Request) -> str:
    """Of method, path, query and body. JSON that differs only in spaces and in the order of keys is the same body."""
    body: bytes = request._request.body
    with contextlib.suppress(ValueError, RecursionError):  # malformed: the view will say so, each time
        body = json.dumps(json.loads(body), sort_keys=True).encode()
    digest = hashlib.sha256(f"{request.method} {request.get_full_path()}\n".encode())
    auth: Any = request.auth
    if getattr(auth, "is_limited", False):
        # What another token of the user did is not this one's to see.
        digest.update(f"{auth.uid}\n".encode())
    digest.update(body)
    return digest.hexdigest()
