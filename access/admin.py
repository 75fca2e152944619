"""Users with their roles, and tokens, for administrators."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import User
from django.db.models import Field, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from access import policy
from access.models import ApiToken
from access.services import second_factor_remove, token_revoke
from foundation.people import person

#: What Django's fields mean here: label, help.
_WORDS = {
    "groups": ("Roles", "Roles decide what the user may do."),
    "is_staff": ("Can use the screens", "If not selected, the user can only use the API, with a token."),
}


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "name", "roles", "is_active", "last_login")
    list_filter = ("groups", "is_active")
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Personal details", {"fields": ("first_name", "last_name", "email")}),
        ("Permissions", {"fields": ("is_active", "is_staff", "groups", "is_superuser")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (None, {"fields": ("username", "usable_password", "password1", "password2")}),
        ("Permissions", {"fields": ("is_staff", "groups")}),
    )
    readonly_fields = ("last_login", "date_joined")
    actions = ("remove_second_factor",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("groups")

    @display(description="name", ordering="last_name")
    def name(self, user: User) -> str:
        return user.get_full_name()

    @display(description="roles")
    def roles(self, user: User) -> str:
        names = [policy.ADMINISTRATOR] if user.is_superuser else []
        return ", ".join(dict.fromkeys([*names, *(group.name for group in user.groups.all())])) or "none"

    @admin.action(description="Remove the second factor (lost phone)", permissions=["change"])
    def remove_second_factor(self, request: HttpRequest, users: QuerySet[User]) -> None:
        reached = [user for user in users if _in_reach(request, user)]
        removed = [user.get_username() for user in reached if second_factor_remove(user=user, by=person(request))]
        message = (
            f"Removed the second factor of {', '.join(removed)}."
            if removed
            else "No selected user has a second factor."
        )
        self.message_user(request, message)

    def formfield_for_dbfield(self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "groups":
            kwargs["widget"] = UnfoldAdminCheckboxSelectMultipleWidget()
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and db_field.name in _WORDS:
            field.label, field.help_text = _WORDS[db_field.name]
        return field

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"is_staff": True, **super().get_changeform_initial_data(request)}

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return fields if _superuser(request) else (*fields, "is_superuser")

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and _in_reach(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_delete_permission(request, obj) and _in_reach(request, obj)


@admin.register(ApiToken)
class ApiTokenAdmin(ModelAdmin):
    """Seen and revoked here; issued by `tokens/` of the API or `manage.py issue_token`, which show the text once."""

    list_display = ("__str__", "user", "created", "expiry")
    list_select_related = ("user",)
    search_fields = ("name", "user__username")
    fields = ("name", "user", "created", "expiry")
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        return False

    def delete_model(self, request: HttpRequest, obj: ApiToken) -> None:
        token_revoke(token=obj, by=person(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        for token in queryset:
            token_revoke(token=token, by=person(request))


def _superuser(request: HttpRequest) -> bool:
    return bool(getattr(request.user, "is_superuser", False))


def _in_reach(request: HttpRequest, user: User | None) -> bool:
    """Only a superuser touches a superuser: else an administrator could make himself one by a password change."""
    return user is None or not user.is_superuser or _superuser(request)
