"""Anything that the schema allows, and much that it does not, is answered as the schema says and never with a 500."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, connection
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from access.models import ApiToken
from tests.factories.people import make_user

schema = schemathesis.openapi.from_wsgi("/api/v1/schema/?format=json", get_wsgi_application())
schema.config.phases.coverage.enabled = False
#: Whether valid data is accepted depends on rows (a site that exists), so that is for the scenarios to say.
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture
def token(db: None) -> Iterator[str]:
    # As Django's own test client does: a request of a test shares the connection, and the transaction, of the test.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    _, text = ApiToken.objects.create(user=make_user("ada", "administrator", "recovery manager"))
    yield text
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


OPTIONS: Any = {"deadline": None, "derandomize": True, "suppress_health_check": list(HealthCheck)}


@pytest.mark.any_database
@schema.parametrize()
@settings(max_examples=3, phases=[Phase.explicit, Phase.generate], **OPTIONS)
def test_every_operation_keeps_its_word(case: Any, token: str) -> None:
    case.call_and_validate(headers={"Authorization": f"Bearer {token}"}, checks=CHECKS)


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
        case.call_and_validate(headers={"Authorization": f"Bearer {token}"}, checks=CHECKS)
