"""Who calls: the accounts, access keys and roles of a world, and STS's answers about them.

Signatures are not checked, for nobody's secrets are at stake; everything else is: unknown keys, expired sessions,
a role's external id, Regions that are not switched on.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from drs.simulator.errors import WireError

DEFAULT_SESSION_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Role:
    arn: str
    external_id: str = ""
    #: Whether its trust policy allows `sts:SetSourceIdentity`.
    source_identity: bool = True


@dataclass(slots=True)
class Account:
    id: str
    access_keys: tuple[str, ...] = ()
    roles: dict[str, Role] = field(default_factory=dict)
    #: Opt-in Regions that are not switched on.
    regions_off: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Caller:
    account: str
    arn: str
    #: As CloudTrail shows it; empty if the session has none.
    source_identity: str = ""


@dataclass(frozen=True, slots=True)
class _Session:
    caller: Caller
    token: str
    expires_at: datetime


class Accounts:
    def __init__(self, accounts: list[Account], seed: int) -> None:
        self._accounts = {account.id: account for account in accounts}
        self._keys = {key: account for account in accounts for key in account.access_keys}
        self._sessions: dict[str, _Session] = {}
        self._seed = seed

    def __contains__(self, account_id: str) -> bool:
        return account_id in self._accounts

    @property
    def ids(self) -> list[str]:
        return list(self._accounts)

    @property
    def sessions(self) -> list[Caller]:
        """Of roles, in the order in which they were asked for."""
        return [session.caller for session in self._sessions.values()]

    def access_keys(self, account_id: str) -> tuple[str, ...]:
        return self._accounts[account_id].access_keys

    def caller(self, access_key: str, token: str, now: datetime) -> Caller:
        """Whose key it is. Raises UnrecognizedClientException or ExpiredTokenException."""
        if access_key in self._keys:
            account = self._keys[access_key].id
            return Caller(account, f"arn:aws:iam::{account}:user/drsorch")
        session = self._sessions.get(access_key)
        if session is None or session.token != token:
            raise unrecognised()
        if session.expires_at <= now:
            raise WireError(403, "ExpiredTokenException", "The security token included in the request is expired")
        return session.caller

    def check_region(self, account_id: str, region: str) -> None:
        """A Region that is not switched on answers as if it did not know the caller."""
        account = self._accounts.get(account_id)
        if account is None or region in account.regions_off:
            raise unrecognised()

    def assume_role(
        self,
        caller: Caller,
        arn: str,
        now: datetime,
        *,
        external_id: str,
        session_name: str,
        seconds: int,
        source_identity: str = "",
    ) -> dict[str, Any]:
        """The answer of STS AssumeRole. Raises AccessDenied for an unknown role or a wrong external id."""
        role = self._role(arn)
        if role is None or role.external_id != external_id:
            raise WireError(
                403, "AccessDenied",
                f"User: {caller.arn} is not authorized to perform: sts:AssumeRole on resource: {arn}",
            )  # fmt: skip
        if source_identity and not role.source_identity:
            raise WireError(
                403, "AccessDenied",
                f"User: {caller.arn} is not authorized to perform: sts:SetSourceIdentity on resource: {arn}",
            )  # fmt: skip
        account, name = arn.split(":")[4], arn.rpartition("/")[2]
        secret = hashlib.blake2b(f"{self._seed}/{arn}/{len(self._sessions)}".encode(), digest_size=32).hexdigest()
        key = f"ASIA{secret[:16].upper()}"
        assumed = Caller(account, f"arn:aws:sts::{account}:assumed-role/{name}/{session_name}", source_identity)
        self._sessions[key] = _Session(assumed, secret, now + timedelta(seconds=seconds))
        return {
            "Credentials": {
                "AccessKeyId": key,
                "SecretAccessKey": secret[16:56],
                "SessionToken": secret,
                "Expiration": self._sessions[key].expires_at,
            },
            "AssumedRoleUser": {"AssumedRoleId": f"AROA{secret[:17].upper()}:{session_name}", "Arn": assumed.arn},
            **({"SourceIdentity": source_identity} if source_identity else {}),
        }

    def _role(self, arn: str) -> Role | None:
        parts = arn.split(":")
        account = self._accounts.get(parts[4]) if len(parts) == 6 else None
        return account.roles.get(arn) if account is not None else None


def unrecognised() -> WireError:
    return WireError(403, "UnrecognizedClientException", "The security token included in the request is invalid.")
