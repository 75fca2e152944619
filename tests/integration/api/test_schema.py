"""The OpenAPI document and its pages."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.test import Client


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The document, generated with every warning an error and validated against OpenAPI's own schema."""
    path = tmp_path_factory.mktemp("schema") / "openapi.yml"
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(path))
    loaded: dict[str, Any] = yaml.safe_load(path.read_text())
    return loaded


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_it_is_openapi_3_1_and_knows_the_contracts_paths(document):
    assert document["openapi"].startswith("3.1")
    assert {
        "/api/v1/sites/",
        "/api/v1/sites/{id}/sync/",
        "/api/v1/source-servers/",
        "/api/v1/protection-groups/{id}/members/",
        "/api/v1/plans/{id}/readiness/",
        "/api/v1/executions/{id}/events/",
        "/api/v1/me/",
        "/api/v1/tokens/{id}/",
    } <= set(document["paths"])


def test_every_operation_says_how_it_fails(document):
    for path, method, operation in operations(document):
        problems = {
            status
            for status, response in operation["responses"].items()
            if response == {"$ref": "#/components/responses/Problem"}
        }
        assert {"400", "401", "403", "404", "500"} <= problems, (method, path)
    assert "application/problem+json" in document["components"]["responses"]["Problem"]["content"]


def test_every_post_says_that_it_takes_an_idempotency_key(document):
    for path, method, operation in operations(document):
        names = [parameter["name"] for parameter in operation.get("parameters", [])]
        assert ("Idempotency-Key" in names) == (method == "post"), (method, path)


def test_changes_of_editable_objects_say_that_they_take_if_match(document):
    for path in ("/api/v1/sites/{id}/", "/api/v1/protection-groups/{id}/", "/api/v1/plans/{id}/"):
        for method in ("put", "patch", "delete"):
            operation = document["paths"][path][method]
            assert "If-Match" in [parameter["name"] for parameter in operation["parameters"]], (method, path)
            assert "412" in operation["responses"]


def test_every_list_is_of_cursor_pages(document):
    for path, method, operation in operations(document):
        content = operation["responses"].get("200", {}).get("content", {}).get("application/json", {})
        reference = content.get("schema", {}).get("$ref", "")
        if "/Paginated" in reference:
            names = {parameter["name"] for parameter in operation["parameters"]}
            assert {"cursor", "page_size"} <= names, (method, path)


def test_tokens_are_named_as_the_way_in(document):
    assert document["components"]["securitySchemes"]["token"] == {"type": "http", "scheme": "bearer"}


def test_schema_and_docs_are_served_and_the_docs_need_nothing_inline(db):
    client = Client()
    assert client.get("/api/v1/schema/").status_code == 200
    page = client.get("/api/v1/docs/")
    assert page.status_code == 200
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", page.content.decode(), re.DOTALL)
    assert scripts
    assert all("src=" in attributes and not body.strip() for attributes, body in scripts)
    directives = dict(part.strip().partition(" ")[::2] for part in page.headers["Content-Security-Policy"].split(";"))
    assert "'unsafe-inline'" not in directives["script-src"]
    assert client.get("/api/v1/docs/?script=").headers["Content-Type"].startswith("application/javascript")


def test_the_root_lists_what_there_is_to_those_who_are_signed_in(api, vera, db):
    assert Client().get("/api/v1/").status_code == 401
    assert api(vera).get("/api/v1/").json()["sites"].endswith("/api/v1/sites/")
