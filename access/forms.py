"""Allauth's forms, where they do not say that somebody was refused."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import ChangePasswordForm, LoginForm
from django.core.exceptions import ValidationError

from access.services import sign_in_attempt
from audit.event_types import EventType


class SignInForm(LoginForm):
    """Allauth's, in the words of the other pages."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["remember"].label = "Keep me signed in"


class RecordedChangePasswordForm(ChangePasswordForm):
    """A wrong current password is an attempt like one at signing in."""

    def clean_oldpassword(self) -> str:
        try:
            return str(super().clean_oldpassword())
        except ValidationError:
            sign_in_attempt(EventType.ATTEMPT_WRONG_PASSWORD, self.user.get_username())
            raise
