"""The page of a user's roles: those that are held everywhere, at a site, or for a plan. Services decide."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from access import policy
from access.models import Assignment, ScopeKind, ServiceAccount, is_service_account
from access.services import assignment_add, assignment_remove
from audit.subjects import KINDS
from foundation.errors import DomainError, Missing
from foundation.forms import DomainErrorsMixin, choice, offer
from foundation.people import person
from foundation.references import id_of
from foundation.screens import screen_response


@dataclass(frozen=True, slots=True)
class LimitedRole:
    assignment: Assignment
    role: str
    #: “site” or “plan”.
    kind: str
    name: str
    #: The page of the site or plan; empty if it no longer exists.
    page: str


def limited_roles(user: User) -> list[LimitedRole]:
    """The roles that the user holds at a site, or for a plan, by role and name. A query, and one for each kind."""
    rows = list(user.assignments.select_related("role"))
    found: dict[tuple[str, int], tuple[str, str]] = {}
    for kind in {row.kind for row in rows}:
        ids = [str(row.target) for row in rows if row.kind == kind]
        found |= {(kind, int(id)): named for id, named in KINDS[kind].find(ids).items()}
    shown = [
        LimitedRole(row, row.role.name, row.kind, *found.get((row.kind, row.target), (row.target_name, "")))
        for row in rows
    ]
    return sorted(shown, key=lambda one: (one.role, one.kind != ScopeKind.SITE, one.name))


class AssignmentForm(DomainErrorsMixin, forms.Form):
    role = choice("Role", [])
    scope = choice("Limited to", [])

    def __init__(self, *args: Any, user: User, by: User, **options: Any) -> None:
        super().__init__(*args, **options)
        given = policy.roles_for(service=is_service_account(user))
        offer(self, "role", [(role, role.capitalize()) for role in given])
        offer(self, "scope", [("", "Choose a site or a plan"), *places(by)])
        self.fields["scope"].error_messages |= {
            "required": "Choose the site or the plan. A role that is held everywhere is given on the user's page.",
            "invalid_choice": "This site or plan is no longer there. Choose another one.",
        }

    def asked(self) -> dict[str, Any]:
        kind, _, target = self.cleaned_data["scope"].partition(":")
        return {"role": self.cleaned_data["role"], "kind": ScopeKind(kind), "target": int(target)}


def places(by: User) -> list[tuple[str, list[tuple[str, str]]]]:
    """The sites and plans that a role can be limited to, as choices."""
    return [(title, list(_scopes(kind, by))) for kind, title in ((ScopeKind.SITE, "Sites"), (ScopeKind.PLAN, "Plans"))]


def _scopes(kind: ScopeKind, by: User) -> Iterable[tuple[str, str]]:
    visible = KINDS[kind.value].visible
    rows = [] if visible is None else visible(by).order_by("name").values_list("pk", "name")
    return ((f"{kind}:{pk}", name) for pk, name in rows)


@require_http_methods(["GET", "HEAD", "POST"])
def roles(request: HttpRequest, user_id: int) -> HttpResponse:
    """What a user may do where. A POST gives a role at a site or for a plan, or takes one away (`remove`)."""
    policy.require(request.user, "auth.view_user")
    if request.method == "POST":
        policy.require(request.user, "auth.change_user")
    user, by, status = User.objects.filter(pk=user_id).first(), person(request), 200
    if user is None:
        raise Missing("There is no such user. It may have been deleted.")
    form = AssignmentForm(request.POST if "add" in request.POST else None, user=user, by=by)
    if request.method == "POST":
        status = 400
        try:
            if said := _done(request, user, form, by):
                messages.success(request, said)
                return redirect("admin:auth_user_roles", user.pk)
        except DomainError as error:
            form.add_domain_error(error) if form.is_bound else messages.error(request, error.detail)
            status = error.status
    return screen_response(
        request,
        "admin/access/roles.html",
        title="Roles",
        about=ServiceAccount.objects.get(pk=user.pk) if is_service_account(user) else user,
        status=status,
        form=form,
        everywhere=policy.roles_of(user),
        limited=limited_roles(user),
        may_change=policy.may(by, "auth.change_user") and (by.is_superuser or not user.is_superuser),
    )


def _done(request: HttpRequest, user: User, form: AssignmentForm, by: User) -> str:
    """What was done, in a sentence; empty if what was typed is not complete."""
    if "remove" in request.POST:
        row = user.assignments.select_related("user", "role").filter(pk=id_of(request.POST["remove"]) or 0).first()
        if row is None:
            raise Missing(f"{user} no longer holds that role there.")
        assignment_remove(assignment=row, by=by)
        return f"{user} is no longer {row.role} for the {row.kind} {row.target_name}."
    if not form.is_valid():
        return ""
    row = assignment_add(user=user, **form.asked(), by=by)
    return f"{user} is now {row.role} for the {row.kind} {row.target_name}."
