"""What people do, by whichever door, in the scenarios of what is recorded."""

from __future__ import annotations

import io
from typing import Any
from unittest.mock import patch

from django.contrib.auth.models import Group
from django.core.management import call_command

from access.accounts.service_accounts import service_account_create
from access.models import ServiceAccount
from audit.models import Event
from tests.factories.people import PASSWORD
from tests.pages import press


def form(**fields: Any) -> dict[str, Any]:
    return {"expected_version": "1", **fields}


def posted(world: Any, path: str, data: Any = None) -> None:
    answer = press(world.browser, path, {"post": "yes"} if data is None else data)
    assert answer.status_code == 302, answer.content.decode()[-3000:]


def sent(answer: Any) -> None:
    assert answer.status_code < 300, answer.content


def new_user(world: Any) -> None:
    data = {"username": "nina", "password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
    role = Group.objects.get(name="viewer")
    posted(world, "/admin/auth/user/add/", {**data, "is_staff": "on", "groups": [role.pk]})


def other_user(world: Any) -> None:
    roles = [role.pk for role in Group.objects.filter(name__in=["viewer", "planner"])]
    data = {"username": "omar", "email": "omar@example.com", "is_active": "on", "groups": roles}
    posted(world, f"/admin/auth/user/{world.user.pk}/change/", data)


def createsuperuser(world: Any) -> None:
    with patch.dict("os.environ", {"DJANGO_SUPERUSER_PASSWORD": PASSWORD}):
        call_command("createsuperuser", "--no-input", username="root", email="", stdout=io.StringIO())


def changepassword(world: Any) -> None:
    with patch("getpass.getpass", return_value="another horse battery staple"):
        call_command("changepassword", "omar", stdout=io.StringIO())


def service(world: Any) -> ServiceAccount:
    account = service_account_create(name="robot", purpose="Events", roles=["event source"], by=world.by)
    world.last = Event.objects.order_by("id").values_list("id", flat=True).last() or 0
    return account
