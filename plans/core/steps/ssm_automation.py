"""An SSM Automation runbook runs at the wave's site."""

from __future__ import annotations

from plans.core.steps.at_aws import RETRIES, SITE, SSM_DOCUMENT
from plans.core.steps.kind import Kind

KIND = Kind(
    "SSM Automation",
    (*SSM_DOCUMENT, SITE, RETRIES),
    about=lambda stored: str(stored.get("document_name", "")),
)
