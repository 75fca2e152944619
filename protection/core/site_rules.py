"""What a site's account, Region, role and endpoint must be, one by one and together.

Partitions and the names of their Regions are AWS's: botocore's list of partitions. A Region that is new
follows its partition's pattern.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import SplitResult, urlsplit

from foundation.errors import FieldError

#: Partition -> what its Regions are called. The commercial one comes last: its pattern is the widest.
PARTITIONS: Final = {
    "aws-cn": r"cn-[a-z]+-[0-9]{1,2}",
    "aws-us-gov": r"us-gov-[a-z]+-[0-9]{1,2}",
    "aws-eusc": r"eusc-de-[a-z]+-[0-9]{1,2}",
    "aws-iso": r"us-iso-[a-z]+-[0-9]{1,2}",
    "aws-iso-b": r"us-isob-[a-z]+-[0-9]{1,2}",
    "aws-iso-e": r"eu-isoe-[a-z]+-[0-9]{1,2}",
    "aws-iso-f": r"us-isof-[a-z]+-[0-9]{1,2}",
    "aws": r"(us|eu|ap|sa|ca|me|af|il|mx)-[a-z]+-[0-9]{1,2}",
}
_ACCOUNT = re.compile(r"[0-9]{12}")
_ROLE = re.compile(r"arn:(?P<partition>aws[a-z-]*):iam::(?P<account>[0-9]{12}):role/[A-Za-z0-9+=,.@_/-]+", re.ASCII)
#: IAM's pattern of an external id.
_EXTERNAL_ID = re.compile(r"[A-Za-z0-9+=,.@:/_-]{2,1224}", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?", re.ASCII)
#: An account id that lost zeros at its beginning.
_SHORT_ACCOUNT = re.compile(r"[0-9]{1,11}")


def site_errors(
    *, account_id: str, region: str, role_arn: str, external_id: str, endpoint_url: str
) -> list[FieldError]:
    """Everything that is wrong with where a site is and how it is reached, each in a sentence at its field."""
    partition = partition_of(region)
    return [
        *_account_errors(account_id),
        *(() if partition else [_region_error(region)]),
        *_role_errors(role_arn, account_id, region, partition),
        *_external_id_errors(external_id),
        *_endpoint_errors(endpoint_url),
    ]


def partition_of(region: str) -> str:
    """The partition that the Region is in; empty for what is not written like a Region."""
    return next((name for name, pattern in PARTITIONS.items() if re.fullmatch(pattern, region)), "")


def _account_errors(account_id: str) -> Iterator[FieldError]:
    if _ACCOUNT.fullmatch(account_id):
        return
    sentence = "An AWS account id has 12 digits."
    if _SHORT_ACCOUNT.fullmatch(account_id):
        sentence += f" This one has {len(account_id)}: spreadsheets and YAML drop zeros at the beginning."
    elif account_id.isdecimal():
        sentence = "An AWS account id has 12 digits, 0 to 9."
    yield FieldError("account_id", sentence)


def _region_error(region: str) -> FieldError:
    return FieldError("region", f"“{region}” is not a Region of AWS. A Region is written like eu-central-1.")


def _role_errors(role_arn: str, account_id: str, region: str, partition: str) -> Iterator[FieldError]:
    if not role_arn:
        return
    role = _ROLE.fullmatch(role_arn)
    if role is None:
        example = f"arn:{partition or 'aws'}:iam::{account_id if _ACCOUNT.fullmatch(account_id) else '123456789012'}"
        yield FieldError("role_arn", f"A role looks like {example}:role/name.")
        return
    if partition and role["partition"] != partition:
        yield FieldError(
            "role_arn", f"Region {region} is in partition {partition}, but the role is in {role['partition']}: "
            f"write arn:{partition}:iam::…"
        )  # fmt: skip
    if _ACCOUNT.fullmatch(account_id) and role["account"] != account_id:
        yield FieldError(
            "role_arn", f"The role belongs to account {role['account']}, but the site is account {account_id}. "
            "Use a role of the site's own account."
        )  # fmt: skip


def _external_id_errors(external_id: str) -> Iterator[FieldError]:
    if external_id and not _EXTERNAL_ID.fullmatch(external_id):
        yield FieldError(
            "external_id", "An external id has 2 to 1224 characters: letters, digits and + = , . @ : / _ -."
        )


def _endpoint_errors(endpoint_url: str) -> Iterator[FieldError]:
    if endpoint_url and (problem := _endpoint_problem(endpoint_url)):
        yield FieldError("endpoint_url", problem)


def _endpoint_problem(endpoint_url: str) -> str:
    parts = _parts(endpoint_url)
    if parts is None or parts.scheme not in {"http", "https"}:
        return "An endpoint is written like https://host or http://host:port."
    if parts.username is not None or parts.password is not None:
        return "An endpoint has no user and password: drsorch signs its calls with AWS credentials."
    if "?" in endpoint_url or "#" in endpoint_url:
        return "An endpoint is an address alone, without ? and #."
    return ""


def _parts(address: str) -> SplitResult | None:
    """The parts of an address that has a host and, if any, a port from 1 to 65535; None for anything else."""
    if not address.isascii() or not address.isprintable() or " " in address or "\\" in address:
        return None
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return None
    host = parts.hostname or ""
    if port == 0 or not (":" in host or _HOST.fullmatch(host)) or parts.netloc.endswith(":"):
        return None
    return parts
