"""What drsorch needs of the services that steps run on, Systems Manager and Lambda: a protocol and its frozen values.

As in `drs.port`: times are aware UTC, durations seconds, AWS's statuses stay plain strings because they are open, every
method raises a `drs.errors.DrsError` and nothing else, and none may be called inside a database transaction.

A status that is not known is neither success nor failure: what has it goes on, until the step's time is over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from drs.foreign import Id, Identities, LetIn, Name, RunId, Text, Word

#: Longest that a function's answer is waited for. Lambda itself lets a function run for up to 900.
INVOCATION_SECONDS = 240
#: Most instances that one SendCommand takes (botocore's model of `ssm`).
INSTANCES_PER_COMMAND = 50

AUTOMATION_SUCCEEDED = frozenset({"Success", "CompletedWithSuccess"})
AUTOMATION_FAILED = frozenset({
    "Failed", "TimedOut", "Cancelled", "Rejected", "CompletedWithFailure", "Exited", "ChangeCalendarOverrideRejected",
})  # fmt: skip
COMMAND_SUCCEEDED = "Success"
COMMAND_FAILED = frozenset({"Failed", "TimedOut", "Cancelled"})


@dataclass(frozen=True, slots=True)
class Automation(LetIn):
    """An execution of an SSM Automation runbook."""

    automation_id: RunId
    #: InProgress, Waiting, Success, Failed, ..., or unknown.
    status: Word
    #: Which step failed and why; empty unless it failed.
    failure: Text = ""

    @property
    def succeeded(self) -> bool:
        return self.status in AUTOMATION_SUCCEEDED

    @property
    def failed(self) -> bool:
        return self.status in AUTOMATION_FAILED


@dataclass(frozen=True, slots=True)
class CommandInvocation(LetIn):
    """How an SSM command goes on one instance."""

    instance_id: Id
    #: Pending, InProgress, Delayed, Success, Failed, ..., or unknown.
    status: Word
    #: The status in more words, such as DeliveryTimedOut or Undeliverable.
    details: Name = ""
    #: What it printed; AWS cuts it short.
    output: Text = ""

    @property
    def succeeded(self) -> bool:
        return self.status == COMMAND_SUCCEEDED

    @property
    def failed(self) -> bool:
        return self.status in COMMAND_FAILED


@dataclass(frozen=True, slots=True)
class Command(LetIn):
    """An SSM Run Command. Its own status says nothing certain about its instances."""

    command_id: RunId
    #: Pending, InProgress, Success, Failed, ..., or unknown.
    status: Word
    instance_ids: Identities = ()
    #: Of the instances that it has reached so far; read only once the command's own status is a final one.
    invocations: tuple[CommandInvocation, ...] = ()

    @property
    def succeeded(self) -> bool:
        return self.status == COMMAND_SUCCEEDED

    @property
    def finished(self) -> bool:
        return self.succeeded or self.status in COMMAND_FAILED


@dataclass(frozen=True, slots=True)
class FunctionAnswer(LetIn):
    """What a Lambda function answered."""

    #: JSON text, as the function gave it.
    payload: Text
    #: "Handled" or "Unhandled" if the function failed; empty if it did not.
    error: Word = ""


class AutomationPort(Protocol):
    """Systems Manager and Lambda of one site. Implementation: `drs.automation.AwsAutomation`."""

    def start_automation(
        self, document_name: str, *, token: str, document_version: str = "", parameters: Mapping[str, Sequence[str]]
    ) -> str:
        """Start a runbook; returns its execution's id. Idempotent: the same token, a UUID, starts it once."""

    def automation(self, automation_id: str) -> Automation | None:
        """How it stands; None if AWS does not show it (yet)."""

    def send_command(
        self,
        document_name: str,
        instance_ids: Sequence[str],
        *,
        comment: str,
        document_version: str = "",
        parameters: Mapping[str, Sequence[str]],
    ) -> str:
        """Send a command to at most `INSTANCES_PER_COMMAND` instances; returns its id.

        Not idempotent: call only with an intent committed. `comment` is what it is found by if the answer is lost.
        """

    def commands(self, *, comment: str, sent_after: datetime, document_name: str) -> tuple[Command, ...]:
        """The commands of this document with just this comment, without their invocations. May lag behind sending."""

    def command(self, command_id: str) -> Command | None:
        """How it stands, on every instance; None if AWS does not show it (yet)."""

    def invoke(self, function_name: str, payload: Any) -> FunctionAnswer:
        """Run a function and wait for its answer. Not idempotent, and AWS has nothing to look it up by."""
