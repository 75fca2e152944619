"""How allauth behaves here."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class ClosedAccountAdapter(DefaultAccountAdapter):
    """Sign-up is closed: administrators create users."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
