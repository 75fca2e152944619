"""Every address of the screens, for everybody: a page or a refusal in a sentence, never a 500."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from access.policy import ROLES
from tests.database import odd_ones
from tests.factories.people import make_user
from tests.integration.api.operations import World
from tests.pages import registry

#: What the screens show. A package that brings a page of its own is looked at first, then named here or unregistered.
REGISTERED = {
    "access.ApiToken", "access.ProviderGroup", "access.ProviderLink", "access.Role", "access.ServiceAccount",
    "access.SignInSession", "audit.Event", "auth.User", "executions.Execution", "plans.Plan",
    "protection.ProtectionGroup", "protection.Site", "protection.SourceServer", "reports.Finding",
}  # fmt: skip
#: Shown by the admin alone to whoever is signed out.
OPEN = {"admin:login", "admin:logout"}


def addresses(found: Any = None, namespace: str = "") -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every named address of the admin, with the parts that name something."""
    for each in get_resolver().url_patterns if found is None else found:
        if isinstance(each, URLResolver):
            if namespace or each.namespace == "admin":
                yield from addresses(each.url_patterns, "admin:")
        elif isinstance(each, URLPattern) and each.name and namespace:
            yield f"{namespace}{each.name}", tuple(each.pattern.regex.groupindex)


@pytest.fixture
def world(ada: Any) -> World:
    return World(ada)


def filled_in(world: World) -> list[str]:
    known = {
        "plan_id": world.plan.pk, "site_id": world.names["site"][0], "server_id": world.names["source-server"][0],
        "execution_id": world.drill.pk, "number": 1, "name": "approve", "app_label": "plans", "url": "nowhere",
        "content_type_id": 1, "id": world.plan.pk, "form": "csv", "other": world.other.pk,
        "token_id": world.token.uid, "account_id": world.service.pk, "proposal_id": world.proposal.pk,
    }  # fmt: skip
    objects = {
        "plans_plan": world.plan.pk, "protection_site": world.names["site"][0],
        "protection_sourceserver": world.names["source-server"][0],
        "protection_protectiongroup": world.names["protection-group"][0],
        "executions_execution": world.drill.pk, "access_apitoken": world.token.pk, "auth_user": world.token.user_id,
        "reports_finding": world.finding.pk, "access_serviceaccount": world.service.pk,
    }  # fmt: skip
    made = []
    for name, named in addresses():
        if name in OPEN:
            continue
        row = next((pk for prefix, pk in objects.items() if name.startswith(f"admin:{prefix}")), 1)
        parts = {part: known.get(part, row) for part in named if part != "final_dot"}
        made.append(reverse(name, kwargs=parts))
    assert len(made) > 50
    return made


def test_the_registry_holds_what_we_know() -> None:
    found = {f"{model._meta.app_label}.{model.__name__}" for model in registry()}
    assert found == REGISTERED


@pytest.mark.any_database
def test_every_address_is_a_page_or_a_refusal_for_everybody(world: World) -> None:
    """Who gets in where is asked of everybody (tests/integration/matrix), without writing the pages. Here they are
    written, for each role in turn. Who has no role presses every button."""
    everything = filled_in(world)
    readers = ("", *ROLES)
    for number, role in enumerate(readers):
        reader = make_user("", *([role] if role else []))
        client = Client(raise_request_exception=False)
        client.force_login(reader, backend="django.contrib.auth.backends.ModelBackend")
        looks = [(address, "get") for address in everything[number :: len(readers)]]
        presses = [] if role else [(address, "post") for address in everything]
        for address, verb in looks + presses:
            answer = getattr(client, verb)(address)
            assert answer.status_code < 500, f"{role}: {verb} {address}"
            if answer.status_code == 403:
                assert "administrator" in answer.content.decode(), f"{role}: {verb} {address}"


def test_the_addresses_of_packages_that_are_not_ours_are_not_there(ada: Any) -> None:
    client = Client()
    ada.is_superuser = True
    ada.save()
    client.force_login(ada, backend="django.contrib.auth.backends.ModelBackend")
    for path in ("mfa/authenticator/", "account/emailaddress/", "socialaccount/socialapp/", "django_dramatiq/task/",
                 "knox/authtoken/", "sites/site/", "auth/group/"):  # fmt: skip
        assert client.get(f"/admin/{path}").status_code == 404, path


ODD_VALUES = ("", "\0", "x", "-1", "9" * 20, "9223372036854775808", "٣", "9999", "0001-01-01", "\u202e")


LOOKUPS = ("", "__isnull", "__gt", "__year", "__range", "__regex")
#: Of these, behind what Django makes a filter of although nobody offers it.
FEW = ("", "x", "\0", "9" * 20, "(")


def odd_queries(model_admin: Any, request: Any, seen: set[type]) -> Iterator[str]:
    """Every filter of a list with every odd value, and what Django makes filters of: a column of each type once."""
    names, not_offered = {"q", "o", "p", "no_such"}, set()
    names |= set(getattr(model_admin.get_changelist(request), "own_parameters", ()))
    for one in model_admin.get_list_filter(request):
        spec = one[0] if isinstance(one, tuple) else one
        name = getattr(spec, "parameter_name", None) or str(spec)
        names.add(name)
        not_offered |= {f"{name}__exact", f"{name}__id__exact"}
    yield from (f"{name}={quote(value)}" for name in sorted(names) for value in ODD_VALUES)
    yield from (f"{name}={quote(value)}" for name in sorted(not_offered) for value in FEW)
    columns = {type(field): field.name for field in model_admin.model._meta.concrete_fields if type(field) not in seen}
    seen |= set(columns)
    for name, lookup, value in itertools.product(columns.values(), LOOKUPS, FEW):
        yield f"{name}{lookup}={quote(value)}"
    if hierarchy := model_admin.date_hierarchy:
        years = ("9999", "0", "10000", "2026", "x")
        for year, month, day in itertools.product(years, ("12", "13"), ("31", "32")):
            yield f"{hierarchy}__year={year}&{hierarchy}__month={month}&{hierarchy}__day={day}"
        yield from (f"{hierarchy}__year={year}" for year in years)
        yield from (f"{hierarchy}__year={year}&{hierarchy}__month=13" for year in years)


def test_no_filter_of_any_list_breaks_on_what_is_written_behind_it(
    world: World, ada: Any, rf: Any, both_databases: bool
) -> None:
    ada.is_superuser = True
    ada.save()
    client = Client(raise_request_exception=False)
    client.force_login(ada, backend="django.contrib.auth.backends.ModelBackend")
    request = rf.get("/")
    request.user = ada
    seen: set[type] = set()
    for model, model_admin in registry().items():
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        for query in odd_ones(odd_queries(model_admin, request, seen), every=both_databases):
            answer = client.get(f"{address}?{query}")
            assert answer.status_code < 500, f"{address}?{query}"


def test_no_list_is_narrowed_by_what_it_does_not_offer(world: World, ada: Any, rf: Any) -> None:
    """By the beginning of a secret, letter by letter, a list would tell it to whoever may look at the list."""
    request = rf.get("/")
    request.user = ada
    narrowed = [
        f"{model.__name__}.{field.name}"
        for model, model_admin in registry().items()
        if hasattr(model_admin, "linked_by")
        for field in model._meta.get_fields()
        if any(
            model_admin.lookup_allowed(f"{name}__startswith", "x", request)
            for name in (field.name, getattr(field, "attname", field.name), "pk")
        )
    ]
    assert set(narrowed) == {
        "ApiToken.read_only", "ServiceAccount.groups", "ServiceAccount.is_active", "ProviderGroup.role",
        "ProtectionGroup.site", "SourceServer.site", "SourceServer.protection_group", "Finding.status",
        "Finding.severity", "User.groups", "User.is_active",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("role", "query"),
    [
        ("auditor", "access/signinsession/?session_key__startswith=0"),
        ("auditor", "access/serviceaccount/?password__startswith=x"),
        ("auditor", "auth/user/?password__startswith=x"),
        ("viewer", "protection/site/?external_id__startswith=x"),
        ("viewer", "protection/site/?role_arn__contains=1"),
        ("viewer", "executions/execution/?pk__startswith=0"),
    ],
)
def test_who_looks_at_a_list_cannot_guess_secrets_by_it(db: None, browser_of: Any, role: str, query: str) -> None:
    page = browser_of(make_user("", role)).get(f"/admin/{query}", follow=True)
    assert page.redirect_chain == [(f"/admin/{query.partition('?')[0]}", 302)]
    assert "asked for something that cannot be looked for" in page.content.decode()


#: In the place of an id in an address.
ODD_PARTS = ("%00", "%FF", "9" * 20, "9223372036854775808", "-1", "..", "%2E%2E", "%D9%A3", "null", "_3F", "_ZZ",
             "a" * 3000, "0", "%E2%80%AE")  # fmt: skip


def with_odd_parts(addresses: list[str], ids: set[str]) -> Iterator[str]:
    for address in addresses:
        pieces = address.split("/")
        for position, piece in enumerate(pieces):
            if piece.isdigit() or piece in ids:
                yield from ("/".join([*pieces[:position], part, *pieces[position + 1 :]]) for part in ODD_PARTS)


def test_a_page_of_what_cannot_exist_is_not_there(world: World, ada: Any, both_databases: bool) -> None:
    ada.is_superuser = True
    ada.save()
    client = Client(raise_request_exception=False)
    client.force_login(ada, backend="django.contrib.auth.backends.ModelBackend")
    odd_addresses = with_odd_parts(filled_in(world), {str(world.drill.pk), str(world.token.pk)})
    for odd in odd_ones(odd_addresses, every=both_databases):
        assert client.get(odd).status_code in {200, 301, 302, 400, 403, 404, 405}, odd


def test_pages_to_look_at_do_not_say_how_to_fill_in_what_cannot_be_changed(world: World) -> None:
    aldo = make_user("aldo", "auditor")
    client = Client()
    client.force_login(aldo, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(reverse("admin:auth_user_change", args=[aldo.pk])).content.decode()
    said = [str(field.help_text) for field in User._meta.get_fields() if getattr(field, "help_text", "")]
    assert len(said) > 3
    assert [text for text in said if text in page] == []
    assert "Can use the screens" in page
    assert "Staff status" not in page


def test_names_are_shown_as_they_were_given(world: World, ada: Any) -> None:
    nina = make_user("nina")
    client = Client()
    client.force_login(ada, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(reverse("admin:auth_user_change", args=[nina.pk])).content.decode()
    path = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.partition("<h1")[2].partition("</h1>")[0]))
    assert "Administer chevron_right Users chevron_right nina" in path
