"""Systems Manager and Lambda of one site, in the words of `drs.automation_port`. The calls are made by `drs.aws`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from drs import calls, failures, foreign
from drs.automation_port import Automation, Command, CommandInvocation, FunctionAnswer
from drs.aws import AwsDrs, client_for
from drs.errors import DrsError, NotFound
from drs.port import Endpoint


class AwsAutomation:
    """The `AutomationPort` of a site, with the session of its `AwsDrs`."""

    def __init__(self, aws: AwsDrs) -> None:
        self._aws = aws

    def start_automation(
        self, document_name: str, *, token: str, document_version: str = "", parameters: Mapping[str, Sequence[str]]
    ) -> str:
        operation = "StartAutomationExecution"
        document = _document(document_name, document_version, parameters)
        answer = self._aws.ask("ssm-acts", operation, {**document, "ClientToken": token})
        return self._text(operation, answer, "AutomationExecutionId")

    def automation(self, automation_id: str) -> Automation | None:
        operation = "GetAutomationExecution"
        try:
            answer = self._aws.ask("ssm", operation, {"AutomationExecutionId": automation_id})
        except NotFound:
            return None
        found = answer.get("AutomationExecution") or {}
        status = self._text(operation, found, "AutomationExecutionStatus")
        return Automation(automation_id, status, str(found.get("FailureMessage") or ""))

    def send_command(
        self,
        document_name: str,
        instance_ids: Sequence[str],
        *,
        comment: str,
        document_version: str = "",
        parameters: Mapping[str, Sequence[str]],
    ) -> str:
        operation = "SendCommand"
        document = _document(document_name, document_version, parameters)
        asked = {**document, "InstanceIds": list(instance_ids), "Comment": comment}
        answer = self._aws.ask("ssm-acts", operation, asked)
        return self._text(operation, answer.get("Command") or {}, "CommandId")

    def commands(self, *, comment: str, sent_after: datetime, document_name: str) -> tuple[Command, ...]:
        filters = [{"key": "InvokedAfter", "value": sent_after.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}]
        if not document_name.startswith("arn:"):  # a shared one may be listed under another name (docs/drs.md 12.2)
            filters.append({"key": "DocumentName", "value": document_name})
        found = self._items("ListCommands", {"Filters": filters}, "Commands")
        return tuple(self._command(item) for item in found if item.get("Comment") == comment)

    def command(self, command_id: str) -> Command | None:
        try:
            found = next(self._items("ListCommands", {"CommandId": command_id}, "Commands"), None)
        except NotFound:
            return None
        if found is None:
            return None
        command = self._command(found)
        if not command.finished:
            return command
        params = {"CommandId": command_id, "Details": True}
        invocations = self._items("ListCommandInvocations", params, "CommandInvocations")
        return Command(
            command.command_id, command.status, command.instance_ids, tuple(_invocation(item) for item in invocations)
        )

    def invoke(self, function_name: str, payload: Any) -> FunctionAnswer:
        operation = "Invoke"
        params = {"FunctionName": function_name, "InvocationType": "RequestResponse"}
        answer = self._aws.ask("lambda", operation, {**params, "Payload": json.dumps(payload).encode()})
        text = (answer.get("Payload") or b"").decode("utf-8", "replace")
        # A custom runtime may answer anything; but then Lambda says which version ran, and a proxy's page does not.
        if answer.get("StatusCode") != 200 or not (answer.get("ExecutedVersion") or _is_json(text)):
            raise self._unreadable(operation)
        return FunctionAnswer(text, str(answer.get("FunctionError") or ""))

    def _command(self, item: Mapping[str, Any]) -> Command:
        return Command(
            self._text("ListCommands", item, "CommandId"),
            self._text("ListCommands", item, "Status"),
            tuple(str(each) for each in item.get("InstanceIds") or ()),
        )

    def _items(self, operation: str, params: Mapping[str, Any], key: str) -> Iterator[Mapping[str, Any]]:
        token = None
        while True:
            calls.begin_page()
            answer = self._aws.ask("ssm", operation, {**params, "NextToken": token} if token else params)
            yield from (item for item in answer.get(key) or () if isinstance(item, Mapping))
            previous, token = token, answer.get("NextToken") or None
            if token is None:
                return
            if token == previous:
                raise failures.without_answer(self._aws.endpoint, operation, "returned the same next page twice.")

    def _text(self, operation: str, item: Mapping[str, Any], key: str) -> str:
        value = item.get(key)
        if not isinstance(value, str) or not value:
            raise self._unreadable(operation)
        return foreign.identity(value, foreign.RUN_ID)

    def _unreadable(self, operation: str) -> DrsError:
        return failures.without_answer(self._aws.endpoint, operation, "returned an unreadable answer.")


def automation_for(endpoint: Endpoint) -> AwsAutomation:
    """Systems Manager and Lambda of the endpoint's account and Region; the address of its DRS does not lead to them."""
    return AwsAutomation(client_for(endpoint))


def _document(name: str, version: str, parameters: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    asked: dict[str, Any] = {"DocumentName": name}
    if version:
        asked["DocumentVersion"] = version
    if parameters:
        asked["Parameters"] = {key: list(texts) for key, texts in parameters.items()}
    return asked


def _invocation(item: Mapping[str, Any]) -> CommandInvocation:
    plugins = (plugin for plugin in item.get("CommandPlugins") or () if isinstance(plugin, Mapping))
    printed = [str(plugin.get("Output") or "") for plugin in plugins]
    return CommandInvocation(
        instance_id=str(item.get("InstanceId") or ""),
        status=str(item.get("Status") or ""),
        details=str(item.get("StatusDetails") or ""),
        output="\n".join(text for text in printed if text).strip(),
    )


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
