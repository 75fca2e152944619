"""The limits of an account and Region, and Service Quotas' answers about them.

Codes and values: docs/drs.md 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drs.simulator.errors import WireError


@dataclass(frozen=True, slots=True)
class Limits:
    concurrent_jobs: int = 20
    servers_per_job: int = 100
    servers_in_jobs: int = 500
    source_servers: int = 4000


#: Field of `Limits`: quota code, name, adjustable.
CODES: Mapping[str, tuple[str, str, bool]] = {
    "concurrent_jobs": ("L-D88FAC3A", "Concurrent jobs in progress", False),
    "servers_per_job": ("L-B827C881", "Max number of source servers in a single job", False),
    "servers_in_jobs": ("L-05AFA8C6", "Max number of source servers in all jobs", False),
    "source_servers": ("L-E28BE5E0", "Max total source servers per AWS account", True),
}


def exceeded(field: str, limit: int, wanted: int) -> WireError:
    code, name, _ = CODES[field]
    return WireError(
        402, "ServiceQuotaExceededException", f"{name}: the limit is {limit}, the request would make it {wanted}.",
        serviceCode="drs", quotaCode=code, resourceType="JOB",
    )  # fmt: skip


def listed(limits: Limits, account: str, region: str) -> list[dict[str, Any]]:
    """The `Quotas` of ListServiceQuotas."""
    return [
        {
            "ServiceCode": "drs",
            "ServiceName": "AWS Elastic Disaster Recovery",
            "QuotaArn": f"arn:aws:servicequotas:{region}:{account}:drs/{code}",
            "QuotaCode": code,
            "QuotaName": name,
            "Value": float(getattr(limits, field)),
            "Unit": "None",
            "Adjustable": adjustable,
            "GlobalQuota": False,
        }
        for field, (code, name, adjustable) in CODES.items()
    ]
