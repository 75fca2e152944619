"""The pages of service accounts: for administrators, and to be looked at by auditors."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db.models import Count, Max, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.decorators import display

from access import policy
from access.accounts.service_accounts import service_account_delete
from access.models import ApiToken, ServiceAccount
from access.screens.forms import ServiceAccountForm
from access.screens.roles import limited_roles
from access.screens.tokens import token_lines
from audit.screens.history import ChainHistory
from foundation.people import person
from foundation.service_admin import ServiceAdmin
from foundation.wording import clock_utc


class ServiceAccountAdmin(ChainHistory, ServiceAdmin):
    subject_type = "user"
    form = ServiceAccountForm
    list_display = ("username", "purpose", "roles", "is_active", "tokens", "last_used")
    list_filter = ("groups", "is_active")
    search_fields = ("username", "first_name")
    change_form_outer_after_template = "admin/access/_tokens_of.html"

    def service_delete(self, row: ServiceAccount, by: User, expected_version: int) -> None:
        service_account_delete(account=row, by=by)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ServiceAccount]:
        rows: QuerySet[ServiceAccount] = super().get_queryset(request).prefetch_related("groups", "assignments__role")
        return rows.annotate(
            token_count=Count("auth_token_set", distinct=True), token_used=Max("auth_token_set__last_used_at")
        )

    def get_fieldsets(self, request: HttpRequest, obj: ServiceAccount | None = None) -> Any:
        if obj is None:
            return ((None, {"fields": ("name", "purpose", "roles")}),)
        return ((None, {"fields": ("account", "purpose", "roles", "is_active")}),)

    def get_readonly_fields(self, request: HttpRequest, obj: ServiceAccount | None = None) -> Any:
        if obj is None:
            return ()
        return ("account",) if self.has_change_permission(request, obj) else ("account", "purpose", "roles")

    @display(description="account")
    def account(self, account: ServiceAccount) -> str:
        return account.username

    @display(description="what it is for", ordering="first_name")
    def purpose(self, account: ServiceAccount) -> str:
        return account.first_name

    @display(description="roles")
    def roles(self, account: ServiceAccount) -> str:
        names = {group.name for group in account.groups.all()}
        limited = {f"{each.role.name} (limited)" for each in account.assignments.all()}
        return ", ".join([*(role for role in policy.ROLES if role in names), *sorted(limited)]) or "none"

    @display(description="tokens", ordering="token_count")
    def tokens(self, account: Any) -> int:
        return int(account.token_count)

    @display(description="last used", ordering="token_used")
    def last_used(self, account: Any) -> str:
        return clock_utc(account.token_used) or "never"

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        account = context.get("original")
        if account is not None:
            may_issue = policy.may(person(request), "access.change_serviceaccount")
            tokens = list(ApiToken.objects.filter(user=account.pk).select_related("user"))
            context |= {
                "lines": token_lines(tokens, timezone.now()), "may_issue": may_issue, "may_revoke": may_issue,
                "limited": limited_roles(account), "may_change_roles": may_issue,
            }  # fmt: skip
        return super().render_change_form(request, context, *args, **kwargs)
