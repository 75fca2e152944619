"""The API tokens of everyone: for administrators, and to be looked at by auditors."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from access.core.tokens import WARNED_BEFORE
from access.models import (
    SERVICE_PREFIX,
    ApiToken,
    is_service_account,
)
from access.places import Names
from access.screens.tokens import NO_LIMITS, expiry_badge, used_words
from access.services import token_revoke
from audit.screens.history import ChainHistory
from foundation.people import person
from foundation.screens import badge_html
from foundation.wording import clock_utc


class OwnerFilter(admin.SimpleListFilter):
    title = "owner"
    parameter_name = "owner"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("people", "People"), ("services", "Service accounts")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> QuerySet[ApiToken]:
        of_services = Q(user__username__startswith=SERVICE_PREFIX)
        kinds = {"people": ~of_services, "services": of_services}
        return queryset.filter(kinds[value]) if (value := self.value()) in kinds else queryset


class ExpiryFilter(admin.SimpleListFilter):
    title = "expiry"
    parameter_name = "expiry"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("soon", "Expires within 14 days"), ("expired", "Expired"), ("never", "Never expires")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> QuerySet[ApiToken]:
        now = timezone.now()
        kinds = {
            "soon": Q(expiry__gte=now, expiry__lt=now + WARNED_BEFORE),
            "expired": Q(expiry__lt=now),
            "never": Q(expiry=None),
        }
        return queryset.filter(kinds[value]) if (value := self.value()) in kinds else queryset


@admin.register(ApiToken)
class ApiTokenAdmin(ChainHistory):
    """Seen and revoked here. Issued by their owners, and for service accounts on the account's page: both show the text
    once, and so do `tokens/` of the API and `manage.py issue_token`."""

    subject_type = "token"
    list_display = ("__str__", "owner", "limits", "issued", "expires", "last_used")
    list_filter = (OwnerFilter, ExpiryFilter, "read_only")
    list_select_related = ("user",)
    search_fields = ("name", "user__username")
    fields = ("name", "owner", "limits", "issued", "expires", "last_used")
    readonly_fields = fields

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changelist = super().get_changelist_instance(request)
        names = Names.of(changelist.result_list)  # of the whole page in one read
        for token in changelist.result_list:
            token.names = names
        return changelist

    @display(description="owner", ordering="user__username")
    def owner(self, token: ApiToken) -> SafeString:
        page = "access_serviceaccount" if is_service_account(token.user) else "auth_user"
        return format_html('<a href="{}">{}</a>', reverse(f"admin:{page}_change", args=[token.user_id]), token.user)

    @display(description="limits")
    def limits(self, token: Any) -> str:
        names = getattr(token, "names", None) or Names.of([token])
        return names.words(token) or NO_LIMITS

    @display(description="issued", ordering="created")
    def issued(self, token: ApiToken) -> str:
        return clock_utc(token.created)

    @display(description="expires", ordering="expiry")
    def expires(self, token: ApiToken) -> str:
        badge = expiry_badge(token, timezone.now())
        said = clock_utc(token.expiry) or "never"
        return format_html("{} {}", said, badge_html(badge)) if badge else said

    @display(description="last used", ordering="last_used_at")
    def last_used(self, token: ApiToken) -> str:
        return used_words(token)

    def chain_of(self, object_id: str) -> tuple[str, str]:
        # The key is the digest, which the audit trail must not know.
        token = ApiToken.objects.filter(pk=object_id).first()
        return self.subject_type, str(token.uid) if token is not None else ""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        return False

    def delete_model(self, request: HttpRequest, obj: ApiToken) -> None:
        token_revoke(token=obj, by=person(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        for token in queryset:
            token_revoke(token=token, by=person(request))
