"""The pages of signing in that are more than allauth's."""

from __future__ import annotations

from typing import Any

from allauth.account.utils import passthrough_next_redirect_url
from allauth.account.views import LoginView
from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.urls import reverse

from access.identity.provider import is_configured


class SignInView(LoginView):  # type: ignore[misc]
    """The provider first, where there is one."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        shown: dict[str, Any] = super().get_context_data(**kwargs)
        shown["local_accounts"] = settings.DRSORCH_LOCAL_ACCOUNTS
        if is_configured():
            url = passthrough_next_redirect_url(self.request, reverse("oidc_login"), REDIRECT_FIELD_NAME)
            shown |= {"provider_name": settings.DRSORCH_OIDC_NAME, "provider_url": url}
        return shown
