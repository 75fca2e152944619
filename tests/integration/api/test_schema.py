"""The OpenAPI document and its pages."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
import pytest
import yaml
from django.core.management import call_command
from django.test import Client

from plans.core.steps import KINDS, StepKind
from reports.core.comparing import compare
from tests.factories.golden_report import GOLDEN_REPORT
from tests.unit.reports import test_register as evidence_register

pytestmark = pytest.mark.either_database


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
        problems = {status for status, response in operation["responses"].items() if "$ref" in response}
        assert {"400", "401", "403", "406", "429", "500"} <= problems, (method, path)
        assert ("404" in problems) == ("{" in path), (method, path)
        assert method == "get" or {"409", "413", "415"} <= problems, (method, path)
        assert all(int(status) < 400 for status in operation["responses"].keys() - problems), (method, path)


def test_every_problem_is_described_with_an_example_that_is_one(document):
    schemas = {"$ref": "#/components/schemas/Problem", "components": document["components"]}
    for name, response in document["components"]["responses"].items():
        (content,) = response["content"].items()
        assert content[0] == "application/problem+json", name
        jsonschema.Draft202012Validator(schemas).validate(content[1]["example"])
        assert content[1]["example"]["type"].startswith("urn:drsorch:problem:")
    assert {"Retry-After"} <= document["components"]["responses"]["TooManyRequests"]["headers"].keys()


def test_operations_are_called_as_a_client_would_call_them(document):
    called = {operation["operationId"] for _, _, operation in operations(document)}
    assert len(called) == len(operations(document))
    assert {
        "plans_create", "plans_list", "plans_read", "plans_replace", "plans_change", "plans_delete", "plans_copy",
        "plans_readiness_read", "plans_readiness_evaluate", "plans_revisions_list", "executions_create",
        "executions_approve", "executions_declare_over", "executions_report_read", "executions_notes_create",
        "protection_groups_members_list", "source_servers_recovery_snapshots_list", "sites_sync", "tokens_create",
        "events_drs_receive", "audit_verify", "me_read",
    } <= called  # fmt: skip
    for path, method, operation in operations(document):
        assert re.fullmatch("[a-z]+(_[a-z]+)+", operation["operationId"]), operation["operationId"]
        assert operation["tags"] == [path.removeprefix("/api/v1/").partition("/")[0]], path
        assert 4 < len(operation["summary"]) < 90, (method, path, operation["summary"])
        assert operation["description"], (method, path)
    assert {tag["name"] for tag in document["tags"]} == {
        tag for _, _, one in operations(document) for tag in one["tags"]
    }


def test_every_verb_of_an_execution_has_its_own_body(document):
    """`extend_schema` inside of `@action` was overwritten: each took a whole execution."""
    bodies = {
        operation["operationId"].removeprefix("executions_"): operation["requestBody"]["content"]["application/json"]
        for path, method, operation in operations(document)
        if path.startswith("/api/v1/executions/{id}/") and method == "post"
    }
    named = {name: body["schema"]["$ref"].rpartition("/")[2] for name, body in bodies.items()}
    comment = dict.fromkeys(("pause", "cancel", "look", "end", "cleanup", "review", "declare_over"), "CommentRequest")
    assert named == comment | {
        "approve": "DecisionRequest", "reject": "DecisionRequest", "resume": "SeenRequest", "retry": "RetryRequest",
        "skip": "WavePartRequest", "notes_create": "NewNoteRequest", "findings_create": "NewFindingRequest",
        "sign_offs_create": "NewSignOffRequest", "validate": "NewValidatedRequest",
    }  # fmt: skip


def test_the_parameters_of_a_step_go_by_its_kind(document):
    schemas = document["components"]["schemas"]
    for name in ("Step", "StepRequest"):
        kinds = schemas[name]["discriminator"]["mapping"]
        assert set(kinds) == set(StepKind)
        for kind, reference in kinds.items():
            step = schemas[reference.rpartition("/")[2]]["properties"]
            assert step["kind"]["const"] == kind
            assert step["parameters"]["additionalProperties"] is False
            assert set(step["parameters"]["properties"]) == {one.name for one in KINDS[StepKind(kind)].parameters}


def test_what_is_answered_has_all_its_members_and_a_body_no_others(document):
    for name, schema in document["components"]["schemas"].items():
        if schema.get("type") != "object" or name in ("Problem", "ProblemError"):
            continue
        if name.endswith("Request"):
            assert schema["additionalProperties"] is False, name
        else:
            # Documents are as they were saved, or say what they are kept with and no more.
            may_lack = name == "PlanDocument" or name.startswith("Bundled")
            assert may_lack or set(schema["required"]) == set(schema["properties"]), name


def test_nothing_is_left_to_be_guessed_or_named_by_a_machine(document):
    text = json.dumps(document)
    assert "nullable" not in text
    for name, schema in document["components"]["schemas"].items():
        assert not re.search(r"RequestRequest|Enum$|[0-9a-f]{3}$", name), name
        assert "serializer" not in schema.get("description", "").lower(), name
        assert name in ("Blank", "Null") or "enum" not in schema or len(schema["enum"]) > 1, name
    assert document["info"]["license"]["identifier"] == "Apache-2.0"
    assert document["servers"][0]["url"] == "/"
    servers = {one["name"]: one for one in document["paths"]["/api/v1/source-servers/"]["get"]["parameters"]}
    assert servers["tag"]["schema"]["type"] == "array"
    assert servers["unprotected"]["schema"]["type"] == "boolean"
    null = document["components"]["schemas"]["SourceServer"]["properties"]
    assert all("null" in null[name]["type"] for name in ("lag_seconds", "protection_group", "recovery_instance_id"))


def test_every_example_of_a_body_is_one(document):
    found = 0
    for path, method, operation in operations(document):
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        for example in body.get("examples", {}).values():
            schema = {**body["schema"], "components": document["components"]}
            jsonschema.Draft202012Validator(schema).validate(example["value"])
            found += 1
            assert example["summary"], (method, path)
    assert found >= 6


def test_what_no_serializer_makes_is_as_described(document):
    """Pure functions make the register and a comparison; serializers describe them alone."""
    run = evidence_register.run
    registered = evidence_register.document(
        good={1: run()}, before={1: run(40)}, findings=[evidence_register.finding()], last={1: run(1)}
    )
    never = evidence_register.document()
    compared = compare(GOLDEN_REPORT, GOLDEN_REPORT, [{"path": "name", "before": "a", "after": None}])
    less = {**GOLDEN_REPORT, "steps": [], "servers": [], "identity": {**GOLDEN_REPORT["identity"], "kind": "recovery"}}
    pairs = [("Register", registered), ("Register", never), ("Comparison", compared)]
    for name, answer in [*pairs, ("Comparison", compare(less, GOLDEN_REPORT))]:
        schema = {"$ref": f"#/components/schemas/{name}", "components": closed(document["components"])}
        jsonschema.Draft202012Validator(schema).validate(json.loads(json.dumps(answer, default=str)))


def closed(components: dict[str, Any]) -> dict[str, Any]:
    """The same, where nothing is answered that is not described."""
    schemas = components["schemas"].items()
    return {
        "schemas": {
            name: {"additionalProperties": False, **one} if "properties" in one else one for name, one in schemas
        }
    }


def test_answers_say_their_headers(document):
    for path, method, operation in operations(document):
        names = {one["name"] for one in operation.get("parameters", [])}
        for status, response in operation["responses"].items():
            headers = response.get("headers", {})
            assert "$ref" in response or {"RateLimit", "RateLimit-Policy"} <= headers.keys(), (method, path)
            assert (status == "201") == ("Location" in headers), (method, path)
            assert status not in ("200", "304") or "If-None-Match" not in names or "ETag" in headers, (method, path)
        assert ("304" in operation["responses"]) == ("If-None-Match" in names), (method, path)
    polled = {one["operationId"] for _, _, one in operations(document) if "304" in one["responses"]}
    assert {
        "executions_read",
        "plans_readiness_read",
        "sites_read",
        "executions_list",
        "executions_events_list",
    } <= polled


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
