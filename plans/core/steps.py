"""Steps: what is done before or after a wave that is not a launch, and what each kind of it needs to be told."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from plans.core.fields import Fields, shown

MAX_RETRIES = 10
MAX_SITE_NAME = 100
_VARIABLE = re.compile(r"\{\{[^{}]*\}\}")


class StepKind(StrEnum):
    #: A person says go.
    APPROVAL = "approval"
    #: Time passes.
    WAIT = "wait"
    #: An HTTP(S) address answers as expected.
    HTTP_CHECK = "http_check"
    #: A TCP port accepts a connection.
    TCP_CHECK = "tcp_check"
    #: An SSM Automation runbook runs at the wave's site.
    SSM_AUTOMATION = "ssm_automation"
    #: An SSM command runs on the wave's recovery instances.
    SSM_COMMAND = "ssm_command"
    #: A Lambda function of the wave's site answers without an error.
    LAMBDA = "lambda"


class StepWhen(StrEnum):
    BEFORE = "before"
    AFTER = "after"


class OnFailure(StrEnum):
    STOP = "stop"
    CONTINUE = "continue"


def parameters(kind: str, fields: Fields) -> dict[str, Any]:
    """Read the parameters of a step of this kind, defaults filled in; errors are noted in `fields`."""
    read = _READERS[StepKind(kind)](fields)
    fields.finish()
    return read


def _approval(fields: Fields) -> dict[str, Any]:
    return _without_blanks(instructions=fields.text("instructions"))


def _wait(fields: Fields) -> dict[str, Any]:
    return {"seconds": fields.seconds("seconds", low=1)}


def _http_check(fields: Fields) -> dict[str, Any]:
    url = fields.text("url", required=True, limit=2000)
    if url and not _is_http(url):
        fields.error("url", f"{fields.subject}: url must look like https://host/path, not {shown(url)}.")
    return {
        "url": url,
        "expected_status": fields.whole("expected_status", low=100, high=599, default=200),
        "every_seconds": fields.seconds("every_seconds", low=1, default=10),
        **_without_blanks(contains=fields.text("contains")),
    }


def _tcp_check(fields: Fields) -> dict[str, Any]:
    return {
        "host": fields.text("host", required=True, limit=253),
        "port": fields.whole("port", low=1, high=65535),
        "every_seconds": fields.seconds("every_seconds", low=1, default=10),
    }


def _ssm(fields: Fields) -> dict[str, Any]:
    return {
        "document_name": fields.text("document_name", required=True, limit=256),
        **_without_blanks(document_version=fields.text("document_version", limit=64)),
        "parameters": _ssm_parameters(fields),
    }


def _ssm_parameters(fields: Fields) -> dict[str, list[str]]:
    """SSM takes a list of texts for each parameter of a document."""
    value = fields.take("parameters", {})
    if isinstance(value, Mapping) and all(
        isinstance(key, str) and isinstance(texts, list) and all(isinstance(text, str) for text in texts)
        for key, texts in value.items()
    ):
        return {key: list(texts) for key, texts in value.items()}
    fields.error(
        "parameters", f'{fields.subject}: parameters must be lists of texts by name, like {{"Key": ["value"]}}.'
    )
    return {}


def _ssm_command(fields: Fields) -> dict[str, Any]:
    """Without instances it runs on those that the wave has recovered."""
    instance_ids = fields.items("instance_ids")
    if all(isinstance(text, str) and text.strip() for text in instance_ids):
        named = {"instance_ids": [text.strip() for text in instance_ids]} if instance_ids else {}
        return {**_ssm(fields), **named}
    fields.error("instance_ids", f'{fields.subject}: instance_ids must be a list of ids, like ["i-0123456789abcdef0"].')
    return _ssm(fields)


def _lambda(fields: Fields) -> dict[str, Any]:
    name = fields.text("function_name", required=True, limit=256)
    payload = fields.take("payload", {})
    if not isinstance(payload, Mapping):
        fields.error("payload", f"{fields.subject}: payload must be an object, not {shown(payload)}.")
        payload = {}
    return {"function_name": name, "payload": dict(payload)}


def _at_aws(read: Callable[[Fields], dict[str, Any]]) -> Callable[[Fields], dict[str, Any]]:
    """For what AWS carries out: the site where, if the wave's servers do not say it, and how often it may be tried
    again. (A check is tried until its time-out.)"""
    return lambda fields: {
        **read(fields),
        **_without_blanks(site=fields.text("site", limit=MAX_SITE_NAME).strip()),
        "retries": fields.whole("retries", low=0, high=MAX_RETRIES, default=0),
    }


_READERS: Mapping[StepKind, Callable[[Fields], dict[str, Any]]] = {
    StepKind.APPROVAL: _approval,
    StepKind.WAIT: _wait,
    StepKind.HTTP_CHECK: _http_check,
    StepKind.TCP_CHECK: _tcp_check,
    StepKind.SSM_AUTOMATION: _at_aws(_ssm),
    StepKind.SSM_COMMAND: _at_aws(_ssm_command),
    StepKind.LAMBDA: _at_aws(_lambda),
}


def _without_blanks(**texts: str) -> dict[str, str]:
    return {key: text for key, text in texts.items() if text}


def _is_http(url: str) -> bool:
    """Whether it will be an HTTP address; a variable such as {{private_ip:web-1}} stands for a host or a word."""
    try:
        parts = urlsplit(_VARIABLE.sub("variable", url))
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and " " not in url
