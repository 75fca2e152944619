"""Allauth's forms, where they do not say that somebody was refused."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import ChangePasswordForm, LoginForm
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.forms import AddWebAuthnForm, EditWebAuthnForm, LoginWebAuthnForm
from allauth.mfa.webauthn.internal.auth import parse_authentication_response
from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator

from access.services import sign_in_attempt
from audit.event_types import EventType
from foundation.names import MAX_NAME


class SignInForm(LoginForm):
    """Allauth's, in the words of the other pages."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["remember"].label = "Keep me signed in"


class AddPasskeyForm(AddWebAuthnForm):
    """Allauth's, in plain words; it signs in without a password unless one does not want that."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _named(self.fields["name"])
        self.fields["passwordless"] = forms.BooleanField(
            label="Sign in with it alone, without a password",
            required=False,
            initial=True,
            help_text="Your device then asks for your finger, your face or a PIN.",
        )


class _AnswerField(forms.JSONField):
    def to_python(self, value: Any) -> Any:
        try:
            return super().to_python(value)
        except RecursionError:
            raise get_adapter().validation_error("incorrect_code") from None


class PasskeySignInForm(LoginWebAuthnForm):
    """Alone, a passkey lets in only whom its device has asked for a finger, a face or a PIN, as the device says itself.
    That it was to ask is no proof: the challenge of a second step, where it need not, is answered here as well. What is
    no answer of a browser, which anyone may send, is a wrong one."""

    credential = _AnswerField(widget=forms.HiddenInput)

    def clean_credential(self) -> Authenticator:
        said = self.cleaned_data["credential"]
        try:
            authenticator: Authenticator = super().clean_credential()
            verified = parse_authentication_response(said).response.authenticator_data.is_user_verified()
        except (AttributeError, LookupError, TypeError, ValueError):
            verified = False
        if not verified:
            raise get_adapter().validation_error("incorrect_code")
        return authenticator


class RenamePasskeyForm(EditWebAuthnForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _named(self.fields["name"])


def _named(field: Any) -> None:
    field.label, field.max_length = "Name", MAX_NAME
    field.validators.append(MaxLengthValidator(MAX_NAME))
    field.widget.attrs["maxlength"] = MAX_NAME


class RecordedChangePasswordForm(ChangePasswordForm):
    """A wrong current password is an attempt like one at signing in."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():  # allauth writes Each Word With A Capital
            field.label = field.widget.attrs["placeholder"] = str(field.label).capitalize()

    def clean_oldpassword(self) -> str:
        try:
            return str(super().clean_oldpassword())
        except ValidationError:
            sign_in_attempt(EventType.ATTEMPT_WRONG_PASSWORD, self.user.get_username())
            raise
