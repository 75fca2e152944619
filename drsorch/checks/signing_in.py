"""What contradicts itself, or lets nobody in, in the settings of signing in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from access.policy import ROLES
from drsorch.checks.listeners import open_to_listeners
from foundation.wording import listing


@register(Tags.security)
def signing_in(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterator[CheckMessage]:
    issuer, client_id = settings.DRSORCH_OIDC_ISSUER, settings.DRSORCH_OIDC_CLIENT_ID
    if bool(issuer) != bool(client_id):
        is_set, missing = ("ISSUER", "CLIENT_ID") if issuer else ("CLIENT_ID", "ISSUER")
        yield Error(
            f"DRSORCH_OIDC_{is_set} is set without DRSORCH_OIDC_{missing}: nobody can sign in by the provider.",
            hint="Set both, or neither (docs/identity.md).",
            id="drsorch.E014",
        )
    elif not issuer and settings.DRSORCH_OIDC_CLIENT_SECRET:
        yield Error(
            "DRSORCH_OIDC_CLIENT_SECRET is set without DRSORCH_OIDC_ISSUER and DRSORCH_OIDC_CLIENT_ID.",
            hint="Set all three, or none (docs/identity.md).",
            id="drsorch.E014",
        )
    if issuer and open_to_listeners(issuer):
        yield Error(
            "DRSORCH_OIDC_ISSUER is plain HTTP to another machine: anyone on the network path could sign in as anyone.",
            hint="Use https://.",
            id="drsorch.E015",
        )
    if unknown := [role for role in settings.DRSORCH_MFA_ROLES if role not in ROLES]:
        yield Error(
            f"DRSORCH_MFA_ROLES has {listing(unknown)}, which no one can have: no second factor would be asked for.",
            hint=f"The roles are {listing(ROLES)}.",
            id="drsorch.E017",
        )
    if settings.DRSORCH_LOCAL_ACCOUNTS:
        if settings.DRSORCH_BREAK_GLASS_USERS:
            yield Warning(
                "DRSORCH_BREAK_GLASS_USERS has no effect while local accounts are on: everyone may sign in locally.",
                hint="Remove it, or set DRSORCH_LOCAL_ACCOUNTS=false.",
                id="drsorch.W019",
            )
    elif not (issuer and client_id):
        yield Error(
            "DRSORCH_LOCAL_ACCOUNTS is false and there is no identity provider: nobody could sign in.",
            hint="Set DRSORCH_OIDC_ISSUER and DRSORCH_OIDC_CLIENT_ID, or remove DRSORCH_LOCAL_ACCOUNTS.",
            id="drsorch.E016",
        )
    elif not settings.DRSORCH_BREAK_GLASS_USERS:
        yield Warning(
            "DRSORCH_LOCAL_ACCOUNTS is false without DRSORCH_BREAK_GLASS_USERS: while the provider is down, nobody can "
            "sign in, and no recovery can be approved.",
            hint="Name an administrator with a local account: DRSORCH_BREAK_GLASS_USERS=ada.",
            id="drsorch.W020",
        )
