"""The people of the demo: one for each role."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from io import StringIO

from django.contrib.auth.models import Group, User
from django.core.management import call_command

from access import policy

ROLE_OF = {
    "dana": policy.RECOVERY_MANAGER,
    "petra": policy.PLANNER,
    "omar": policy.OPERATOR,
    "ravi": policy.APPROVER,
    "vera": policy.VIEWER,
    "aldo": policy.AUDITOR,
    "ada": policy.ADMINISTRATOR,
}


@dataclass(frozen=True, slots=True)
class Person:
    username: str
    role: str
    password: str


def people() -> list[Person]:
    """Make the users, with passwords that nobody knew before."""
    made = []
    for username, role in ROLE_OF.items():
        person = Person(username, role, secrets.token_urlsafe(9))
        user = User.objects.create_user(username, password=person.password, is_staff=True)
        user.groups.set(Group.objects.filter(name=role))
        made.append(person)
    return made


def token(username: str) -> str:
    """A token as anybody gets one: from `manage.py issue_token`."""
    output = StringIO()
    call_command("issue_token", username, "--expires-in", "1d", stdout=output)
    return output.getvalue().strip()
