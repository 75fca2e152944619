"""The one provider that the settings name, as allauth knows providers: it keeps the state and PKCE of a sign-in."""

from __future__ import annotations

from typing import Any

from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from allauth.utils import build_absolute_uri
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from access.identity import discovery

PROVIDER_ID = "oidc"


def is_configured() -> bool:
    """Whether the settings name a provider."""
    return bool(settings.DRSORCH_OIDC_ISSUER and settings.DRSORCH_OIDC_CLIENT_ID)


class Adapter(OpenIDConnectOAuth2Adapter):
    """Allauth's, asking within the bounds of `discovery`, which also exchanges the code."""

    basic_auth = False

    @property
    def openid_config(self) -> dict[str, Any]:
        return discovery.configuration()

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        return redirect_uri(request)


class Provider(OpenIDConnectProvider):
    oauth2_adapter_class = Adapter


def redirect_uri(request: HttpRequest) -> str:
    """Where the provider sends people back to; it has to know this address."""
    return str(build_absolute_uri(request, reverse("oidc_callback")))


def provider_of(request: HttpRequest) -> Any:
    """Made of settings: there is no row for it, and no secret in the database."""
    app = SocialApp(
        provider="openid_connect",
        provider_id=PROVIDER_ID,
        name=settings.DRSORCH_OIDC_NAME,
        client_id=settings.DRSORCH_OIDC_CLIENT_ID,
        settings={
            "server_url": settings.DRSORCH_OIDC_ISSUER,
            "scope": settings.DRSORCH_OIDC_SCOPES,
            "oauth_pkce_enabled": True,
        },
    )
    return Provider(request, app=app)
