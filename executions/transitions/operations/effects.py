"""What every kind of operation says of the rows of its servers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from audit.record import Entry
from executions.core.refusals import Refusal
from executions.models import Execution, LateInstance, Operation, ServerRun


class ServerEffects(Protocol):
    """Called under the execution's lock. Each method writes the rows of the operation's servers, and nothing else."""

    def ready(self, server_ids: Sequence[int]) -> Sequence[ServerRun | LateInstance]:
        """Those of the servers that it may be intended for now, in the order in which they are sent."""

    def target(self, row: Any) -> dict[str, Any]:
        """What is sent of a server, beside its `source_server_id`."""

    def intended(self, server_ids: Sequence[int], operation: Operation) -> None:
        """The intent is committed: DRS is asked next."""

    def accepted(self, execution: Execution, operation: Operation, job_id: str, *, was_lost: bool) -> None:
        """The job is known, by DRS's answer or because it was found again."""

    def returned(self, operation: Operation, error: str, *, refusal: Refusal | None, retry_at: datetime) -> list[Entry]:
        """Nothing was done: AWS refused the call, or (`refusal` is None) no job was found. Returns events to append."""
