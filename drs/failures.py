"""Which `drs.errors` class a failed call becomes, and the sentence that goes with it.

Pure: it knows AWS's error codes, not boto3. What decides is what may have happened at AWS. A read that got no clear
answer changed nothing, so it is `Unreachable` and may be repeated; the same silence after StartRecovery or
TerminateRecoveryInstances is `OutcomeUnknown`.

Codes: the error shapes of botocore's `drs` model, and
https://docs.aws.amazon.com/drs/latest/APIReference/CommonErrors.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drs import errors
from drs.port import Endpoint

#: Calls that change the world and have no idempotency token: silence after one of them is not "nothing happened".
LAUNCHING_OPERATIONS = frozenset({"StartRecovery", "TerminateRecoveryInstances"})

THROTTLING_CODES = frozenset({
    "ThrottlingException", "Throttling", "ThrottledException", "RequestThrottled", "RequestThrottledException",
    "TooManyRequestsException", "TooManyRequests", "RequestLimitExceeded", "BandwidthLimitExceeded", "SlowDown",
})  # fmt: skip
#: The service does not know the caller. An opt-in Region that is switched off answers the same.
UNKNOWN_CALLER_CODES = frozenset({"UnrecognizedClientException", "InvalidClientTokenId", "AuthFailure"})
DENIED_CODES = frozenset({
    "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized", "OptInRequired",
    "InvalidSignatureException", "SignatureDoesNotMatch", "IncompleteSignature", "MissingAuthenticationToken",
    "MissingAuthenticationTokenException", "InvalidAccessKeyId", "RequestExpired", "Forbidden",
})  # fmt: skip
EXPIRED_CODES = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
NOT_FOUND_CODES = frozenset({"ResourceNotFoundException", "NoSuchResourceException"})


#: The calls that are not DRS's own: the service's name for people, and its IAM prefix.
_OTHER_SERVICES = {
    "AssumeRole": ("AWS STS", "sts"),
    "GetCallerIdentity": ("AWS STS", "sts"),
    "ListServiceQuotas": ("Service Quotas", "servicequotas"),
}


def place(endpoint: Endpoint) -> str:
    """The account and Region as a person reads them: "account 111122223333 in eu-west-1"."""
    account = endpoint.account_id or _account_of(endpoint.role_arn)
    return f"account {account} in {endpoint.region}" if account else endpoint.region


def identity(endpoint: Endpoint) -> str:
    return f"the role {endpoint.role_arn}" if endpoint.role_arn else "the AWS credentials of this process"


def from_answer(  # noqa: PLR0911 (one return a kind of failure)
    endpoint: Endpoint,
    operation: str,
    status: int,
    code: str,
    message: str,
    *,
    members: Mapping[str, Any] | None = None,
    retry_after: str | None = None,
) -> errors.DrsError:
    """The error for an answer that carries a status other than success.

    `members` are the error's own members (`resourceId`, `quotaCode`); `retry_after` is the header's text.
    """
    members = members or {}
    resource_id = members.get("resourceId")
    said = f" It said: {_sentence(message)}" if message.strip() else ""
    service, prefix = _OTHER_SERVICES.get(operation, ("DRS", "drs"))
    where = f"{service} ({place(endpoint)})"
    named: dict[str, Any] = {"code": code, "resource_id": resource_id if isinstance(resource_id, str) else None}

    if status == 429 or code in THROTTLING_CODES:
        return errors.Throttled(
            f"{where} is getting too many requests and did not carry out {operation}. It is asked again later.",
            retry_after_seconds=retry_after_seconds(retry_after), **named,
        )  # fmt: skip
    if status >= 500:
        return without_answer(endpoint, operation, f"answered with an error of its own ({status} {code}).{said}", code)
    if code == "UninitializedAccountException":
        return errors.NotInitialised(
            f"DRS is not initialised for {place(endpoint)}. Open the DRS console there once, or call "
            f"InitializeService, then try again.", **named,
        )  # fmt: skip
    if code in UNKNOWN_CALLER_CODES:
        return errors.Denied(
            f"{where} does not know the caller ({code}). Either the AWS credentials are wrong, or {endpoint.region} "
            f"is an opt-in Region that is not switched on for the account: check both.", **named,
        )  # fmt: skip
    if operation == "AssumeRole":
        return errors.Denied(
            f"AWS did not let this process take on {identity(endpoint)} ({code}).{said} Check the role's trust policy "
            f"and the external id.", **named,
        )  # fmt: skip
    if code in EXPIRED_CODES:
        return errors.Denied(
            f"{where} refused {operation}: the session of {identity(endpoint)} has expired. Renew the credentials.",
            **named,
        )
    if code in DENIED_CODES or status in (401, 403):
        return errors.Denied(
            f"{where} does not allow {identity(endpoint)} to call {operation} ({code}).{said} Give it the IAM "
            f"permission {prefix}:{operation} and those that it depends on.", **named,
        )  # fmt: skip
    if code == "ConflictException" or status == 409:
        return errors.ServerBusy(
            f"{where} refused {operation}: a server or instance in the request is busy.{said} Wait until the job "
            f"that holds it has ended.", **named,
        )  # fmt: skip
    if code == "ServiceQuotaExceededException" or status == 402:
        quota = members.get("quotaCode")
        quota_note = f" (quota {quota})" if quota else ""
        return errors.QuotaExceeded(
            f"{where} refused {operation}: a service quota is used up{quota_note}.{said} Wait for running jobs to end.",
            **named,
        )
    if code in NOT_FOUND_CODES or status == 404:
        return errors.NotFound(f"{where} has no such resource for {operation}.{said}", **named)
    if status == 408:
        return without_answer(endpoint, operation, f"gave up waiting for the request (408 {code}).{said}", code)
    return errors.Rejected(f"{where} refused {operation} ({code or status}).{said}", **named)


def without_answer(endpoint: Endpoint, operation: str, what: str, code: str = "") -> errors.DrsError:
    """The error where the request went out and no clear answer came back. `what` completes "DRS (...) ..."."""
    service, _ = _OTHER_SERVICES.get(operation, ("DRS", "drs"))
    if operation in LAUNCHING_OPERATIONS:
        return errors.OutcomeUnknown(
            f"{service} ({place(endpoint)}) {what} The request {operation} may have been carried out: look for its job "
            f"before sending it again.", code=code,
        )  # fmt: skip
    return errors.Unreachable(
        f"{service} ({place(endpoint)}) {what} {operation} changed nothing and can be repeated.", code=code
    )


def not_connected(endpoint: Endpoint, operation: str, reason: str) -> errors.Unreachable:
    """The error where no connection was made, so that nothing was asked."""
    address = endpoint.endpoint_url or "AWS's address"
    return errors.Unreachable(
        f"{operation} for {place(endpoint)} could not be sent: {_sentence(reason)} Check the network, DNS, proxy "
        f"and the endpoint ({address})."
    )


def no_credentials(endpoint: Endpoint, reason: str) -> errors.Denied:
    return errors.Denied(
        f"There are no usable AWS credentials for {place(endpoint)}: {_sentence(reason)} Set the standard AWS "
        f"variables, a profile, or an instance role."
    )


def malformed_request(endpoint: Endpoint, operation: str, reason: str) -> errors.Rejected:
    """The request never left: boto3 found it malformed."""
    return errors.Rejected(
        f"{operation} for {place(endpoint)} was not sent, it is malformed: {_sentence(reason)}",
        code="ValidationException",
    )


def retry_after_seconds(header: str | None) -> float | None:
    """The seconds of a Retry-After header; None for its date form and for anything else."""
    try:
        value = float(header) if header else None
    except ValueError:
        return None
    return value if value is not None and 0 <= value < float("inf") else None


def _account_of(arn: str) -> str:
    parts = arn.split(":")
    return parts[4] if len(parts) > 5 else ""


def _sentence(text: str) -> str:
    line = " ".join(text.split())
    return line if line.endswith((".", "!", "?")) else f"{line}."
