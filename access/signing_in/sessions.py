"""Sessions of people: listed, and ended at once, by their owner or an administrator."""

from __future__ import annotations

from typing import Any

import structlog
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.signals import post_save
from django.utils import timezone

from access import policy
from access.recent import current_request
from audit.event_types import EventType
from audit.record import Entry, note
from foundation.errors import NotAllowed

log = structlog.get_logger(__name__)


def session_list(sessions: QuerySet[Any] | None = None) -> QuerySet[Any]:
    """Those that are still good, newest first; allauth keeps rows of others until their user signs in again."""
    live = Session.objects.filter(session_key=OuterRef("session_key"), expire_date__gt=timezone.now())
    rows = UserSession.objects.all() if sessions is None else sessions
    return rows.filter(Exists(live), user__is_active=True).order_by("-created_at", "-pk")


def session_end(*, session: UserSession, by: User) -> None:
    """Whoever has it is signed out with the next request. Everyone may end their own.

    Raises `NotAllowed` for those of others, and for a superuser's unless a superuser asks.
    """
    if session.user_id != by.pk:
        policy.require(by, "access.delete_signinsession")
        if session.user.is_superuser and not by.is_superuser:
            raise NotAllowed("Only a superuser may end a session of a superuser.")
    _end([session], by)


def other_sessions_end(*, user: User, session_key: str) -> int:
    """End all of a user's sessions but the one that asks; says how many."""
    others = list(session_list().filter(user=user).exclude(session_key=session_key))
    _end(others, user)
    return len(others)


def sessions_end(*, user: User, by: User) -> None:
    """Sign the user out everywhere."""
    _end(list(session_list().filter(user=user)), by)


def _end(sessions: list[UserSession], by: User) -> None:
    with transaction.atomic():
        for session in sessions:
            ended, _ = Session.objects.filter(session_key=session.session_key).delete()
            UserSession.objects.filter(pk=session.pk).delete()
            if ended:
                user = session.user
                detail = {"address": session.ip, "since": session.created_at.isoformat()}
                entry = Entry(EventType.USER_SESSION_ENDED, user.get_username(), detail, by.get_username(), by.pk)
                note("user", user.pk, user.get_username(), [entry])
    log.info("sessions_ended", number=len(sessions), by=str(by))


def listen() -> None:
    """Called once, when the app is ready. Whoever deactivates a user or sets a password, by whatever door, ends their
    sessions: they would be good again once the user is active again."""
    post_save.connect(_user_saved, User)


def _user_saved(instance: Any, created: bool, raw: bool, **kwargs: Any) -> None:
    new_password = instance._password is not None  # Django forgets it after this
    if raw or created or (instance.is_active and not new_password):
        return
    rows = UserSession.objects.filter(user_id=instance.pk)
    request = current_request()
    if request is not None and getattr(request.user, "pk", None) == instance.pk and instance.is_active:
        rows = rows.exclude(session_key=request.session.session_key)
    Session.objects.filter(session_key__in=list(rows.values_list("session_key", flat=True))).delete()
    rows.delete()
