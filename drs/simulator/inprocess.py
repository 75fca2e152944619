"""`DrsPort` straight on a world, without HTTP: for tests and for trying things out in one process."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from drs import failures, wire
from drs.adapter import WireAdapter
from drs.errors import DrsError
from drs.port import Endpoint, Quotas
from drs.simulator.accounts import Caller
from drs.simulator.errors import LateAnswer, LateWork, NoAnswer, WireError
from drs.simulator.world import World


class InProcessDrs(WireAdapter):
    """One account and Region of a world. Without an account or role in the endpoint it is the world's first account."""

    def __init__(self, world: World, endpoint: Endpoint) -> None:
        self.world = world
        self.endpoint = endpoint

    def verify(self) -> str:
        return self._side_call("GetCallerIdentity")

    def quotas(self) -> Quotas:
        try:
            account = self._side_call("ListServiceQuotas")
        except DrsError:
            return Quotas()
        return wire.quotas(self.world.quotas(account, self.endpoint.region))

    def call(self, operation: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        account = self._caller().account
        try:
            return self.world.call(account, self.endpoint.region, operation, params)
        except WireError as error:
            raise self._translated(error, operation) from error
        except LateAnswer as late:
            if late.wait_seconds < self.endpoint.call_times.read_seconds:
                return late.answer
            raise failures.without_answer(self.endpoint, operation, "did not answer in time.") from late
        except LateWork as late:
            return self._carry_out_late(account, operation, params, late.wait_seconds)
        except NoAnswer as silence:
            raise failures.without_answer(self.endpoint, operation, "closed the connection.") from silence

    def _carry_out_late(
        self, account: str, operation: str, params: Mapping[str, Any], seconds: float
    ) -> Mapping[str, Any]:
        """Nobody sleeps here: who would still listen gets the answer now; else the work is left for then."""

        def work() -> None:
            with contextlib.suppress(WireError, LateAnswer, NoAnswer):  # there is nobody left to hear of it
                self.world.call(account, self.endpoint.region, operation, params)

        if seconds < self.endpoint.call_times.read_seconds:
            with self.world.late():
                return self.world.call(account, self.endpoint.region, operation, params)
        self.world.later(seconds, work)
        raise failures.without_answer(self.endpoint, operation, "did not answer in time.")

    def _side_call(self, operation: str) -> str:
        """A call of another service than DRS; returns the caller's account."""
        account = self._caller().account
        try:
            self.world.check_side_call(account, self.endpoint.region, operation)
        except WireError as error:
            raise self._translated(error, operation) from error
        except (LateWork, NoAnswer) as silence:
            raise failures.without_answer(self.endpoint, operation, "closed the connection.") from silence
        return account

    def _caller(self) -> Caller:
        endpoint, accounts = self.endpoint, self.world.accounts
        own = Caller(accounts.ids[0], "")
        if not endpoint.role_arn:
            return Caller(endpoint.account_id, "") if endpoint.account_id in accounts else own
        wanted = {"RoleArn": endpoint.role_arn, "ExternalId": endpoint.external_id, "RoleSessionName": "drsorch"}
        try:
            self.world.check_side_call(own.account, endpoint.region, "AssumeRole")
            keys = self.world.assume_role(own, wanted)["Credentials"]
            return self.world.caller(keys["AccessKeyId"], keys["SessionToken"])
        except WireError as error:
            raise self._translated(error, "AssumeRole") from error
        except (LateWork, NoAnswer) as silence:
            raise failures.without_answer(endpoint, "AssumeRole", "closed the connection.") from silence

    def _translated(self, error: WireError, operation: str) -> DrsError:
        retry_after = error.members.get("retryAfterSeconds")
        return failures.from_answer(
            self.endpoint, operation, error.status, error.code, error.message, members=error.members,
            retry_after=None if retry_after is None else str(retry_after),
        )  # fmt: skip
