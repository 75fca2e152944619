"""Anything that the schema allows, and much that it does not, is answered as the schema says and never with a 500,
whoever asks: a stranger, somebody of each role, and somebody who may do everything.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, connection
from hypothesis import HealthCheck, Phase, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from access.models import ApiToken
from access.policy import ROLES
from tests.database import undone
from tests.factories.people import make_user
from tests.integration.api.operations import World

schema = schemathesis.openapi.from_wsgi("/api/v1/schema/?format=json", get_wsgi_application())
schema.config.phases.coverage.enabled = False


def no_fault_of_ours(context: Any, response: Any, case: Any) -> None:
    """DRS is not there, which is answered with 503 where that is documented: `status_code_conformance` looks at it."""
    assert response.status_code < 500 or response.status_code == 503, response.text


#: Whether valid data is accepted depends on rows (a site that exists), so that is for the scenarios to say.
CHECKS = [
    no_fault_of_ours,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


#: What calls the application here does not unpack what is compressed.
PLAIN = {"Accept-Encoding": "identity"}


@contextmanager
def one_connection() -> Iterator[None]:
    """As with Django's own test client, a request shares the connection, and the transaction, of its test."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@dataclass(frozen=True)
class Asking:
    """Who asks, and what for."""

    #: The header of each role by its name, of somebody who may do everything, somebody without a role, a stranger.
    headers: dict[str, str]
    #: What stands in an address: of things that there are, so that rights decide.
    names: dict[str, Any]


@pytest.fixture(scope="module")
def everyone(django_db_setup: None, django_db_blocker: Any) -> Iterator[Asking]:
    """Made once for all operations: it takes as long as asking them."""
    with django_db_blocker.unblock(), undone(), one_connection():
        people = {role: make_user(role.replace(" ", "-"), role) for role in ROLES}
        people |= {"everything": make_user("root", is_superuser=True), "nothing": make_user("nina")}
        tokens = {name: ApiToken.objects.create(user=user)[1] for name, user in people.items()}
        headers = {name: f"Bearer {token}" for name, token in tokens.items()} | {"stranger": "Bearer of nothing"}
        yield Asking(headers, World(people["everything"]).names)


@pytest.fixture
def token(db: None) -> Iterator[str]:
    _, text = ApiToken.objects.create(user=make_user("ada", "administrator", "recovery manager"))
    with one_connection():
        yield str(text)


OPTIONS: Any = {"deadline": None, "derandomize": True, "suppress_health_check": list(HealthCheck)}


@pytest.mark.any_database
@schema.parametrize()
@settings(max_examples=2, phases=[Phase.explicit, Phase.generate], **OPTIONS)
def test_every_operation_keeps_its_word_to_everyone(case: Any, everyone: Asking) -> None:
    kind = case.path.removeprefix("/api/v1/").partition("/")[0].removesuffix("s")
    if case.path_parameters and kind in everyone.names:
        pk, more = everyone.names[kind]
        case.path_parameters = {name: str({"id": pk, **more}.get(name, "0" * 64)) for name in case.path_parameters}
    with undone():
        for header in everyone.headers.values():
            case.call_and_validate(headers={"Authorization": header, **PLAIN}, checks=CHECKS)


if connection.vendor != "sqlite":  # which refuses less than PostgreSQL
    #: Every value at the edge of what the schema says: thousands of requests, and seconds to think them up.
    edges = schemathesis.openapi.from_wsgi("/api/v1/schema/?format=json", get_wsgi_application())
    first: dict[str, str] = {}

    def one_of_each_body(context: Any) -> bool:
        """A dozen buttons take the same body, which has hundreds of edges; PATCH takes the members of POST."""
        operation = context.operation
        body = json.dumps(operation.definition.raw.get("requestBody", {}).get("content", operation.label))
        return first.setdefault(body.replace("Patched", ""), operation.label) == operation.label

    @edges.include(one_of_each_body).parametrize()
    @settings(max_examples=1, phases=[Phase.explicit], **OPTIONS)
    def test_every_edge_keeps_its_word(case: Any, token: str) -> None:
        case.call_and_validate(headers={"Authorization": f"Bearer {token}", **PLAIN}, checks=CHECKS)
