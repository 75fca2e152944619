"""What the identity provider gives, who is whom there, and where people are signed in."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from access import policy
from access.identity import mapping
from access.models import ProviderGroup, ProviderLink, Role, ScopeKind, SignInSession
from access.screens import roles
from access.screens.reach import in_reach
from access.signing_in.sessions import session_end, session_list
from audit.screens.history import ChainHistory
from foundation.forms import choice, offer
from foundation.people import person
from foundation.service_admin import ServiceAdmin, ServiceForm
from foundation.wording import clock_utc, count


class ProviderGroupForm(ServiceForm):
    where = choice("Where", [])

    class Meta:
        model = ProviderGroup
        fields = ("name", "role")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "role" in self.fields:  # not where it is only looked at
            given = Role.objects.filter(name__in=policy.roles_for(service=False))
            cast("forms.ModelChoiceField[Any]", self.fields["role"]).queryset = given
        if "where" in self.fields:
            self.fields["where"].required = False
            offer(self, "where", [("", "Everywhere"), *roles.places(self.by)])

    def create(self, data: dict[str, Any]) -> ProviderGroup:
        kind, _, target = data["where"].partition(":")
        return mapping.provider_group_create(
            name=data["name"],
            role=data["role"],
            kind=ScopeKind(kind) if kind else None,
            target=int(target or 0),
            by=self.by,
        )


@admin.register(ProviderGroup)
class ProviderGroupAdmin(ChainHistory, ServiceAdmin):
    """Which groups of the identity provider give which roles. A row is added or deleted, never changed."""

    subject_type = "provider_group"
    nothing_yet = "Say which role the members of a group at your identity provider get when they sign in."
    form = ProviderGroupForm
    list_display = ("name", "gives", "holds_where")
    list_select_related = ("role",)
    list_filter = ("role",)
    search_fields = ("name",)
    fieldsets = ((None, {"fields": ("name", "role", "where")}),)
    looked_at = ((None, {"fields": ("name", "role", "holds_where")}),)

    def get_fieldsets(self, request: HttpRequest, obj: ProviderGroup | None = None) -> Any:
        return super().get_fieldsets(request, obj) if obj is None else self.looked_at

    def get_readonly_fields(self, request: HttpRequest, obj: ProviderGroup | None = None) -> Any:
        return () if obj is None else self.looked_at[0][1]["fields"]

    @display(description="where")
    def holds_where(self, row: ProviderGroup) -> str:
        return row.where

    @display(description="gives the role", ordering="role__name")
    def gives(self, row: ProviderGroup) -> str:
        return row.role.name

    def has_change_permission(self, request: HttpRequest, obj: ProviderGroup | None = None) -> bool:
        return False

    def service_delete(self, row: ProviderGroup, by: User, expected_version: int) -> None:
        mapping.provider_group_delete(row=row, by=by)


class ProviderLinkForm(ServiceForm):
    class Meta:
        model = ProviderLink
        fields = ("user", "uid")
        labels = {"uid": "Identifier"}
        help_texts = {
            "uid": "The person’s identifier at the provider (sub). It is on the page that refused them to sign in."
        }

    def create(self, data: dict[str, Any]) -> ProviderLink:
        return mapping.link_save(user=data["user"], subject=data["uid"], by=self.by)


@admin.register(ProviderLink)
class ProviderLinkAdmin(ChainHistory, ServiceAdmin):
    """Who is whom at the identity provider. What happened to a link is in the chain of its user."""

    subject_type = "user"
    nothing_yet = "A link says which user here a person at your identity provider is."
    form = ProviderLinkForm
    list_display = ("user", "identifier", "issuer", "groups", "last_sign_in")
    list_select_related = ("user",)
    search_fields = ("user__username", "uid")
    fieldsets = ((None, {"fields": ("user", "uid")}),)
    looked_at = ((None, {"fields": ("user", "identifier", "issuer", "groups", "last_sign_in")}),)

    def get_fieldsets(self, request: HttpRequest, obj: ProviderLink | None = None) -> Any:
        return super().get_fieldsets(request, obj) if obj is None else self.looked_at

    def get_readonly_fields(self, request: HttpRequest, obj: ProviderLink | None = None) -> Any:
        return () if obj is None else self.looked_at[0][1]["fields"]

    def chain_of(self, object_id: str) -> tuple[str, str]:
        link = ProviderLink.objects.filter(pk=object_id).first()
        return self.subject_type, str(link.user_id) if link is not None else ""

    @display(description="identifier", ordering="uid")
    def identifier(self, link: ProviderLink) -> str:
        return link.uid

    @display(description="provider", ordering="provider")
    def issuer(self, link: ProviderLink) -> str:
        return link.provider

    @display(description="groups at the last sign-in")
    def groups(self, link: ProviderLink) -> str:
        return ", ".join(link.extra_data.get("groups", ())) or "none"

    @display(description="last sign-in", ordering="last_login")
    def last_sign_in(self, link: ProviderLink) -> str:
        return clock_utc(link.last_login) if link.extra_data else "never"

    def has_change_permission(self, request: HttpRequest, obj: ProviderLink | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ProviderLink | None = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or in_reach(request, obj.user))

    def service_delete(self, row: ProviderLink, by: User, expected_version: int) -> None:
        mapping.link_delete(link=row, by=by)


@admin.register(SignInSession)
class SignInSessionAdmin(ChainHistory, ServiceAdmin):
    """Where people are signed in. Deleting one signs them out there."""

    subject_type = "user"
    list_display = ("user", "address", "browser", "signed_in")
    actions: ClassVar[Any] = ("end_sessions",)
    list_select_related = ("user",)
    search_fields = ("user__username", "ip")
    fieldsets = ((None, {"fields": ("user", "address", "browser", "signed_in")}),)
    readonly_fields = fieldsets[0][1]["fields"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[SignInSession]:
        return session_list(super().get_queryset(request))

    def chain_of(self, object_id: str) -> tuple[str, str]:
        session = SignInSession.objects.filter(pk=object_id).first()
        return self.subject_type, str(session.user_id) if session is not None else ""

    @admin.action(description="End the selected sessions", permissions=["delete"])
    def end_sessions(self, request: HttpRequest, sessions: QuerySet[SignInSession]) -> None:
        reached = [each for each in sessions.select_related("user") if in_reach(request, each.user)]
        for each in reached:
            session_end(session=each, by=person(request))
        self.message_user(request, f"{count(len(reached), 'session')} ended.")

    @display(description="address", ordering="ip")
    def address(self, session: SignInSession) -> str:
        return session.ip

    @display(description="browser")
    def browser(self, session: SignInSession) -> str:
        return session.user_agent[:200] or "unknown"

    @display(description="signed in", ordering="created_at")
    def signed_in(self, session: SignInSession) -> str:
        return clock_utc(session.created_at)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: SignInSession | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: SignInSession | None = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or in_reach(request, obj.user))

    def service_delete(self, row: SignInSession, by: User, expected_version: int) -> None:
        session_end(session=row, by=by)
