"""Keeping what nobody is to read, or to change unnoticed, in the database: under `SECRET_KEY`."""

from __future__ import annotations

import base64
from typing import Any

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.utils.crypto import salted_hmac


def vault(purpose: str) -> MultiFernet:
    """Seals under today's key, and opens what earlier ones have sealed (`SECRET_KEY_FALLBACKS`); `InvalidToken` for the
    rest. What is sealed for one purpose does not open for another."""
    secrets: list[Any] = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet(
        Fernet(base64.urlsafe_b64encode(salted_hmac(purpose, "answers", secret=secret, algorithm="sha256").digest()))
        for secret in secrets
    )
