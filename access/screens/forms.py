"""What is asked for a token, and for a service account."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar, Final

from django import forms
from django.contrib.auth.models import User
from unfold.widgets import UnfoldAdminSelectMultipleWidget

from access import policy
from access.accounts.service_accounts import service_account_change, service_account_create
from access.models import ScopeKind, ServiceAccount
from access.places import choices
from foundation.errors import Stale
from foundation.forms import DomainErrorsMixin, choice, offer, text, tick, ticks
from foundation.overwriting import asked_version, fingerprint
from foundation.service_admin import ServiceForm

_LIVES: Final = {"7": "7 days", "30": "30 days", "90": "90 days", "365": "one year", "": "never"}


class TokenForm(DomainErrorsMixin, forms.Form):
    """`owner` is whose token it will be, `by` who issues it: what both may be chosen from."""

    name = text("Name", required=True, max_length=100, help_text="What it is for, so that you can find it later.")
    expires = choice("Expires after", [(days, words) for days, words in _LIVES.items()])
    read_only = tick("Read-only: it can change nothing")
    permissions = ticks("It may only", help_text="Nothing selected: all that its owner may, also what is given later.")
    sites = forms.MultipleChoiceField(
        label="Only at these sites", required=False, widget=UnfoldAdminSelectMultipleWidget({"size": 5})
    )
    plans = forms.MultipleChoiceField(
        label="Only for these plans",
        required=False,
        widget=UnfoldAdminSelectMultipleWidget({"size": 5}),
        help_text="With any selected, it may act there alone. Nothing selected: wherever its owner may.",
    )

    def __init__(self, *args: Any, owner: User, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["expires"].required = False
        self.fields["expires"].initial = "30"
        held = {permission: policy.meaning(permission) for permission in policy.permissions_of(owner)}
        offer(self, "permissions", sorted(held.items(), key=lambda each: each[1]))
        offer(self, "sites", [(str(pk), name) for pk, name in choices(ScopeKind.SITE, by)])
        offer(self, "plans", [(str(pk), name) for pk, name in choices(ScopeKind.PLAN, by)])

    def asked(self) -> dict[str, Any]:
        """For `token_issue`: None where nothing is selected."""
        data, days = self.cleaned_data, self.cleaned_data["expires"]
        return {
            "name": data["name"],
            "expires_in": timedelta(days=int(days)) if days else None,
            "permissions": data["permissions"] or None,
            "sites": [int(pk) for pk in data["sites"]] or None,
            "plans": [int(pk) for pk in data["plans"]] or None,
            "read_only": data["read_only"],
        }


class ServiceAccountForm(ServiceForm):
    """What a service account is for, and its roles everywhere."""

    name = text("Name", max_length=100, help_text="The account is called service:<name>, in the audit trail as well.")
    purpose = text("What it is for", max_length=150, help_text="Its tokens may outlast the people who know.")
    roles = ticks("Roles", help_text="A role that approves or signs takes a person, so it is not offered.")
    is_active = tick("Active: its tokens work")

    class Meta:
        model = ServiceAccount
        fields: ClassVar[list[str]] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        account: ServiceAccount = self.instance
        held = [role.name for role in account.groups.all()] if account.pk else []
        offered = [*policy.roles_for(service=True), *policy.PERSONAL_ROLES.intersection(held)]
        if "roles" in self.fields:  # not where it is only looked at
            offer(self, "roles", [(role, role.capitalize()) for role in offered])
        if account.pk:
            self.fields.pop("name", None)
            self.initial.update({"purpose": account.first_name, "roles": held, "is_active": account.is_active})
            self._carry()
        else:
            self.fields.pop("is_active", None)

    def create(self, data: dict[str, Any]) -> ServiceAccount:
        return service_account_create(**data, by=self.by)

    def update(self, data: dict[str, Any], expected_version: int) -> ServiceAccount:
        current = ServiceAccount.objects.select_for_update(no_key=True).get(pk=self.instance.pk)
        newest = fingerprint(type(self)(instance=current).shown_values())
        if asked_version(self.data, "expected_version") != newest:
            raise Stale(f"Service account {current} was changed by someone else while you were editing.")
        return service_account_change(account=current, **data, by=self.by)
