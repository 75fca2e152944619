"""Users with their roles, and tokens: for administrators, and to be looked at by auditors."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import Exists, Field, OuterRef, Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.forms import (
    AdminPasswordChangeForm,
    UnfoldReadOnlyPasswordHashWidget,
    UserChangeForm,
    UserCreationForm,
)
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from access import policy
from access.models import (
    SERVICE_PREFIX,
    Assignment,
    Role,
    ServiceAccount,
)
from access.recent import require_recent
from access.recording import users_as_one
from access.screens import provider_admin, roles, token_admin  # noqa: F401 # importing registers them
from access.screens.reach import in_reach, is_superuser
from access.screens.service_accounts import ServiceAccountAdmin
from access.services import second_factor_remove
from audit.screens.history import ChainHistory
from foundation.overwriting import asked_version, fingerprint
from foundation.people import person
from foundation.service_admin import SeenAdmin, SeenForm
from foundation.wording import clock_utc

#: What Django's fields mean here: label, help.
_WORDS = {
    "username": ("Username", "Up to 150 letters, digits and @ . + - _"),
    "groups": ("Roles", "What the user may do, at every site. Below, a role can be limited to a site or a plan."),
    "is_active": ("Active", "If not selected, the user cannot sign in or use a token. Better than deleting the user."),
    "is_staff": ("Can use the screens", "If not selected, the user can only use the API, with a token."),
    "is_superuser": ("Superuser", "Can do what an administrator can, and change other superusers."),
}
_LABELS = {name: label for name, (label, _) in _WORDS.items()}
_HELP = {name: text for name, (_, text) in _WORDS.items()}


def _offer(form: Any, held: Q) -> None:
    """The roles that a person can be given, and those that they hold; not where these are only looked at."""
    if "groups" in form.fields:
        given = Q(name__in=policy.roles_for(service=False))
        form.fields["groups"].queryset = Group.objects.filter(given | held)


class PasswordSetWidget(UnfoldReadOnlyPasswordHashWidget):
    """Whether there is a password; how it is kept is of no use to anybody here."""

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(name, value, attrs)
        if len(context["summary"]) > 1:
            context["summary"] = [{"label": "A password is set."}]
        return context


class SeenUserForm(SeenForm, UserChangeForm):
    """Roles are rights: nobody gives back what somebody else has just taken away by saving an older page."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        password = self.fields["password"]
        password.widget = PasswordSetWidget()
        password.help_text = format_html(
            'No one can see it. <a href="{}" class="dr-link">Set a new one</a>.', "../password/"
        )
        _offer(self, Q(pk__in=self.instance.groups.values("pk")))

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        # Held until the admin's transaction ends: two saves at once come one after the other.
        current = User.objects.select_for_update(no_key=True).get(pk=self.instance.pk)
        newest = fingerprint(type(self)(instance=current).shown_values())
        if asked_version(self.data, "expected_version") != newest:
            self.say_newer(f"User {current} was changed by someone else while you were editing.")
        return cleaned


class NewUserForm(UserCreationForm):
    """Django's words are of other ways to sign in, which there are none of."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _offer(self, Q())
        signs_in = self.fields["usable_password"]
        signs_in.label = "Sign-in"
        signs_in.help_text = "Without a password the user cannot sign in, and can only use the API, with a token."
        signs_in.choices = [("true", "With a password"), ("false", "Not possible")]


@admin.register(User)
class UserAdmin(ChainHistory, SeenAdmin, DjangoUserAdmin):
    subject_type = "user"
    form = SeenUserForm
    add_form = NewUserForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "name", "roles", "second_factor", "is_active", "last_sign_in")
    list_filter = ("groups", "is_active")
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Personal details", {"fields": ("first_name", "last_name", "email")}),
        ("Permissions", {"fields": ("is_active", "is_staff", "groups", "is_superuser")}),
        ("Identity provider", {"fields": ("linked_to", "roles_from_the_provider")}),
        ("Dates", {"fields": ("last_sign_in", "created")}),
    )
    add_fieldsets = (
        (None, {"fields": ("username", "usable_password", "password1", "password2")}),
        ("Permissions", {"fields": ("is_staff", "groups")}),
    )
    #: What an auditor sees of a user: all but the password.
    looked_at = (
        (None, {"fields": ("username", "name", "email")}),
        ("Permissions", {"fields": ("is_active", "is_staff", "roles", "is_superuser")}),
        ("Identity provider", {"fields": ("linked_to", "roles_from_the_provider")}),
        ("Signing in", {"fields": ("second_factor", "last_sign_in", "created")}),
    )
    actions = ("remove_second_factor",)
    change_form_outer_after_template = "admin/access/_user_roles.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(roles.roles)
        return [path("<int:user_id>/roles/", view, name="auth_user_roles"), *super().get_urls()]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        user = context.get("original")
        if user is not None:
            context["limited"] = roles.limited_roles(user)
            context["may_change_roles"] = self.has_change_permission(request, user)
        return super().render_change_form(request, context, *args, **kwargs)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        require_recent()
        return super().changeform_view(request, *args, **kwargs)

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        require_recent()
        return super().delete_view(request, *args, **kwargs)

    def user_change_password(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        require_recent()
        answer = super().user_change_password(request, *args, **kwargs)
        if request.method == "POST":
            # One's own new password gives one's session a new key, under which it is listed and can be ended.
            UserSession.objects.create_from_request(request)
        return answer

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        require_recent()  # of its actions
        return super().changelist_view(request, *args, **kwargs)

    def _changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        # Django saves the row and its roles one after the other; for the audit trail it is one change.
        with users_as_one():
            return super()._changeform_view(request, *args, **kwargs)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        has_factor = Exists(Authenticator.objects.filter(user=OuterRef("pk")).exclude(type="recovery_codes"))
        people = super().get_queryset(request).exclude(username__startswith=SERVICE_PREFIX)
        return people.prefetch_related("groups", "assignments__role").annotate(has_factor=has_factor)

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        looks = obj is not None and not self.has_change_permission(request, obj)
        return self.looked_at if looks else super().get_fieldsets(request, obj)

    @display(description="last sign-in", ordering="last_login")
    def last_sign_in(self, user: User) -> str:
        return clock_utc(user.last_login) or "never"

    @display(description="created", ordering="date_joined")
    def created(self, user: User) -> str:
        return clock_utc(user.date_joined)

    @display(description="second factor", boolean=True, ordering="has_factor")
    def second_factor(self, user: Any) -> bool:
        return bool(user.has_factor)

    @display(description="name", ordering="last_name")
    def name(self, user: User) -> str:
        return user.get_full_name() or "–"

    @display(description="roles")
    def roles(self, user: User) -> str:
        names = [policy.ADMINISTRATOR] if user.is_superuser else []
        names += [group.name for group in user.groups.all()]
        limited = [f"{each.role.name} (limited)" for each in user.assignments.all()]
        return ", ".join(dict.fromkeys([*names, *sorted(limited)])) or "none"

    @display(description="roles from the provider")
    def roles_from_the_provider(self, user: User) -> str:
        """They follow the groups there at each sign-in; all others were given by hand."""
        rows = user.provider_roles.select_related("role")
        return ", ".join(sorted(f"{row.role.name} (limited)" if row.kind else row.role.name for row in rows)) or "none"

    @display(description="linked to")
    def linked_to(self, user: Any) -> str:
        return ", ".join(f"{link.uid} at {link.provider}" for link in user.socialaccount_set.all()) or "no one"

    @admin.action(description="Remove the second factor (lost phone)", permissions=["change"])
    def remove_second_factor(self, request: HttpRequest, users: QuerySet[User]) -> None:
        reached = [user for user in users if in_reach(request, user)]
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

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        # Also where a field is only looked at, which no form field is made for; how to fill it in is not said then.
        looks = obj is not None and not self.has_change_permission(request, obj)
        words = {"labels": _LABELS, "help_texts": dict.fromkeys(_HELP, "") if looks else _HELP}
        return super().get_form(request, obj, change=change, **words, **kwargs)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"is_staff": True, **super().get_changeform_initial_data(request)}

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = (
            *super().get_readonly_fields(request, obj),
            "name",
            "roles",
            "second_factor",
            "last_sign_in",
            "created",
            "roles_from_the_provider",
            "linked_to",
        )
        return fields if is_superuser(request) else (*fields, "is_superuser")

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and in_reach(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_delete_permission(request, obj) and in_reach(request, obj)


@admin.register(Role)
class RoleAdmin(ChainHistory):
    """The roles are code: here they are looked at. Who holds them is changed on the user's page."""

    subject_type = "role"
    list_display = ("name", "held_by")
    fields = ("name", "held_by", "may")
    readonly_fields = fields
    ordering = ("name",)
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Role]:
        active = User.objects.filter(is_active=True).order_by("username")
        limited = Assignment.objects.filter(user__is_active=True).select_related("user").order_by("user__username")
        rows = super().get_queryset(request)
        return rows.prefetch_related(Prefetch("user_set", active), Prefetch("assignments", limited))

    @display(description="held by")
    def held_by(self, role: Role) -> str:
        names = [user.get_username() for user in role.user_set.all()]
        limited = [f"{each.user.get_username()} (limited)" for each in role.assignments.all()]
        return ", ".join(dict.fromkeys([*names, *limited])) or "no one"

    @display(description="its holders may")
    def may(self, role: Role) -> SafeString:
        meanings = sorted({policy.meaning(each) for each, roles in policy.POLICY.items() if role.name in roles})
        return format_html('<ul class="dr-list">{}</ul>', format_html_join("", "<li>{}</li>", ((m,) for m in meanings)))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Role | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Role | None = None) -> bool:
        return False


admin.site.register(ServiceAccount, ServiceAccountAdmin)
