"""Which `drs.errors` class a failed call becomes, and the sentence that goes with it.

Pure: it knows AWS's error codes, not boto3. What decides is what may have happened at AWS. A read that got no clear
answer changed nothing, so it is `Unreachable` and may be repeated; the same silence after a call that changes the world
(`ACTING_OPERATIONS`) is `OutcomeUnknown`.

Codes: the error shapes of botocore's `drs`, `ssm` and `lambda` models, and
https://docs.aws.amazon.com/drs/latest/APIReference/CommonErrors.html (docs/drs.md 10).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drs import errors
from drs.port import Endpoint

#: Calls that change the world and have no idempotency token: silence after one of them is not "nothing happened".
LAUNCHING_OPERATIONS = frozenset({"StartRecovery", "TerminateRecoveryInstances"})
#: Every call that changes the world, and what is to be done after silence.
ACTING_OPERATIONS: Mapping[str, str] = {
    **dict.fromkeys(LAUNCHING_OPERATIONS, "look for its job before sending it again"),
    "StartAutomationExecution": "send it again with the same token, so that it is carried out only once",
    "SendCommand": "look for the command before sending it again",
    "Invoke": "check the function's log before sending it again",
    "PutObject": "send it again, as it overwrites nothing",
}

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
#: What the services answer whose caller's credentials have expired, are unknown, or do not fit together, as while a
#: file of them is being rewritten.
CREDENTIALS_CODES = UNKNOWN_CALLER_CODES | EXPIRED_CODES | {
    "InvalidAccessKeyId", "InvalidToken", "InvalidSignatureException", "SignatureDoesNotMatch",
}  # fmt: skip
#: What a role answers that lacks a permission, and so does one whose sessions were revoked.
ACCESS_DENIED_CODES = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
NOT_FOUND_CODES = frozenset({
    "ResourceNotFoundException", "NoSuchResourceException", "AutomationDefinitionNotFoundException",
    "AutomationDefinitionVersionNotFoundException", "AutomationExecutionNotFoundException", "InvalidDocument",
    "InvalidDocumentVersion", "InvalidCommandId",
})  # fmt: skip
QUOTA_CODES = frozenset({"ServiceQuotaExceededException", "AutomationExecutionLimitExceededException"})
#: Lambda's words for "the function could not be started", whatever their status: the function did not run.
FUNCTION_NOT_STARTED_CODES = frozenset({
    "EC2AccessDeniedException", "EC2ThrottledException", "EC2UnexpectedException", "EFSIOException",
    "EFSMountConnectivityException", "EFSMountFailureException", "EFSMountTimeoutException", "ENILimitReachedException",
    "ENINotReadyException", "InvalidRuntimeException", "InvalidSecurityGroupIDException", "InvalidSubnetIDException",
    "InvalidZipFileException", "KMSAccessDeniedException", "KMSDisabledException", "KMSInvalidStateException",
    "KMSNotFoundException", "ResourceConflictException", "ResourceNotReadyException", "SnapStartException",
    "SnapStartNotReadyException", "SnapStartTimeoutException", "SubnetIPAddressLimitReachedException",
})  # fmt: skip


#: What a gateway answers that waited in vain, or could not understand, what stands behind it.
_GATEWAY_STATUSES = (502, 504)

#: The calls that are not DRS's own: the service's name for people, and its IAM prefix.
SERVICES = {
    "AssumeRole": ("AWS STS", "sts"),
    "GetCallerIdentity": ("AWS STS", "sts"),
    "ListServiceQuotas": ("Service Quotas", "servicequotas"),
    "StartAutomationExecution": ("AWS Systems Manager", "ssm"),
    "GetAutomationExecution": ("AWS Systems Manager", "ssm"),
    "SendCommand": ("AWS Systems Manager", "ssm"),
    "ListCommands": ("AWS Systems Manager", "ssm"),
    "ListCommandInvocations": ("AWS Systems Manager", "ssm"),
    "Invoke": ("AWS Lambda", "lambda"),
    "PutObject": ("Amazon S3", "s3"),
    "GetObject": ("Amazon S3", "s3"),
    "ListObjectsV2": ("Amazon S3", "s3"),
}
#: IAM's name of an action, where it is not the operation's.
ACTIONS = {"Invoke": "InvokeFunction", "ListObjectsV2": "ListBucket"}


OWN_IDENTITY = "drsorch's AWS credentials"


def place(endpoint: Endpoint) -> str:
    """The account and Region as a person reads them: "account 111122223333 in eu-west-1"; or the bucket."""
    if endpoint.bucket:
        return f"bucket {endpoint.bucket}"
    account = endpoint.account_id or _account_of(endpoint.role_arn)
    return f"account {account} in {endpoint.region}" if account else endpoint.region


def identity(endpoint: Endpoint) -> str:
    return f"the role {endpoint.role_arn}" if endpoint.role_arn else OWN_IDENTITY


def from_answer(
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
    error = _of_answer(endpoint, operation, status, code, message, members or {}, retry_after)
    if isinstance(error, errors.Denied):
        error.is_about_credentials = code in CREDENTIALS_CODES
    return error


def _of_answer(  # noqa: PLR0911, PLR0912, PLR0917 (one branch a kind of failure)
    endpoint: Endpoint,
    operation: str,
    status: int,
    code: str,
    message: str,
    members: Mapping[str, Any],
    retry_after: str | None,
) -> errors.DrsError:
    resource_id = members.get("resourceId")
    says = f" AWS says: {_sentence(message)}" if message.strip() else ""
    service, prefix = SERVICES.get(operation, ("DRS", "drs"))
    where = f"{service} ({place(endpoint)})"
    named: dict[str, Any] = {"code": code, "resource_id": resource_id if isinstance(resource_id, str) else None}

    if status == 429 or code in THROTTLING_CODES:
        return errors.Throttled(
            f"{where} is throttling requests and did not carry out {operation}.",
            retry_after_seconds=retry_after_seconds(retry_after), **named,
        )  # fmt: skip
    if operation == "Invoke" and code in FUNCTION_NOT_STARTED_CODES:
        return errors.Rejected(f"{where} could not start the function ({code}).{says}", **named)
    if status >= 500:
        what = f"answered with an internal error ({status} {code}).{says}"
        return without_answer(endpoint, operation, what, code, is_over=_is_the_services_own(status, code))
    if code == "UninitializedAccountException":
        return errors.NotInitialised(
            f"DRS is not initialised for {place(endpoint)}. Open the DRS console there once, or call "
            f"InitializeService, then try again.", **named,
        )  # fmt: skip
    if code in UNKNOWN_CALLER_CODES:
        return errors.Denied(
            f"{where} does not recognise the caller ({code}). Check the AWS credentials. If {endpoint.region} is an "
            f"opt-in Region, check that it is enabled for the account.", **named,
        )  # fmt: skip
    if code in EXPIRED_CODES:
        whose = OWN_IDENTITY if operation == "AssumeRole" else identity(endpoint)
        return errors.Denied(
            f"{where} refused {operation}: the session of {whose} has expired. Renew the credentials.", **named
        )
    if operation == "AssumeRole":
        return errors.Denied(
            f"AWS refused to let drsorch assume {identity(endpoint)} ({code}).{says} Check the role's trust policy "
            f"and the external id.", **named,
        )  # fmt: skip
    if code in DENIED_CODES or status in (401, 403):
        return errors.Denied(
            f"{where} does not allow {identity(endpoint)} to call {operation} ({code}).{says} Grant it the IAM "
            f"permission {prefix}:{ACTIONS.get(operation, operation)} and those it depends on.", **named,
        )  # fmt: skip
    if operation not in SERVICES and (code == "ConflictException" or status == 409):
        return errors.ServerBusy(
            f"{where} refused {operation}: a server or instance in the request is busy.{says} Wait until the job "
            f"that is using it has ended.", **named,
        )  # fmt: skip
    if code in QUOTA_CODES or status == 402:
        quota = members.get("quotaCode")
        quota_note = f" (quota {quota})" if quota else ""
        return errors.QuotaExceeded(
            f"{where} refused {operation}: a service quota is exceeded{quota_note}.{says} Wait for running jobs "
            f"to end.",
            **named,
        )
    if code == "InvalidInstanceId":
        return errors.InstancesNotReady(
            f"{where} does not know an instance named in {operation}.{says} Its SSM agent may be missing or still "
            f"starting, or its instance profile does not let it register.", **named,
        )  # fmt: skip
    if code in NOT_FOUND_CODES or status == 404:
        return errors.NotFound(f"{where} has no such resource for {operation}.{says}", **named)
    if status == 408:
        return without_answer(endpoint, operation, f"timed out waiting for the request (408 {code}).{says}", code)
    return errors.Rejected(f"{where} refused {operation} ({code or status}).{says}", **named)


def without_answer(
    endpoint: Endpoint, operation: str, what: str, code: str = "", *, is_over: bool = False
) -> errors.DrsError:
    """The error where the request went out and no clear answer came back. `what` completes "DRS (...) ...".

    `is_over`: it is certain that the service begins nothing more for the request.
    """
    service, _ = SERVICES.get(operation, ("DRS", "drs"))
    if operation in ACTING_OPERATIONS:
        unknown = errors.OutcomeUnknown(
            f"{service} ({place(endpoint)}) {what} The request {operation} may have been carried out: "
            f"{ACTING_OPERATIONS[operation]}.", code=code,
        )  # fmt: skip
        unknown.is_over = is_over
        return unknown
    return errors.Unreachable(
        f"{service} ({place(endpoint)}) {what} {operation} changed nothing and is safe to repeat.", code=code
    )


def _is_the_services_own(status: int, code: str) -> bool:
    """True if the service, not a gateway in front of it, answered: a gateway's page has no error code of the service,
    and botocore then gives its status for one."""
    return status not in _GATEWAY_STATUSES and bool(code) and not code.isdigit()


def not_connected(endpoint: Endpoint, operation: str, reason: str) -> errors.Unreachable:
    """The error where no connection was made, so that nothing was asked."""
    _, prefix = SERVICES.get(operation, ("DRS", "drs"))
    # A site's own address is its DRS's; what steps run on is found without it.
    address = (prefix not in ("ssm", "lambda") and endpoint.endpoint_url) or "AWS's address"
    return errors.Unreachable(
        f"{operation} for {place(endpoint)} could not be sent: {_sentence(reason)} Check the network, DNS, proxy "
        f"and the endpoint ({address})."
    )


def not_sent_in_time(endpoint: Endpoint, operation: str) -> errors.Unreachable:
    """The error where it took too long to get ready, so that nothing was asked."""
    return errors.Unreachable(
        f"{operation} for {place(endpoint)} was not sent: it took too long to get ready to send it, for example to get "
        f"credentials. It is safe to repeat."
    )


def no_credentials(endpoint: Endpoint, reason: str) -> errors.Denied:
    denied = errors.Denied(
        f"There are no usable AWS credentials for {place(endpoint)}: {_sentence(reason)} Set the standard AWS "
        f"variables, a profile, or an instance role."
    )
    denied.is_about_credentials = True
    return denied


def malformed_request(endpoint: Endpoint, operation: str, reason: str) -> errors.Rejected:
    """The request never left: boto3 found it malformed."""
    return errors.Rejected(
        f"{operation} for {place(endpoint)} was not sent because it is malformed: {_sentence(reason)}",
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
