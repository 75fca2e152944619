"""EventBridge events of DRS, posted to the API: hints that a poll is worth it now, and nothing more.

Delivery is best effort (docs/drs.md 9), so nothing is believed that an event says: the site is polled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone

from access import policy
from executions import tasks
from executions.models import DrsJob
from executions.selectors import has_open_operations
from foundation.errors import FieldError, Invalid
from protection.models import Site

SOURCE = "aws.drs"
#: The one kind of event that says that a job may have moved.
LAUNCH_RESULT = "DRS Source Server Launch Result"


def drs_event_receive(event: Mapping[str, Any], *, by: AbstractBaseUser) -> list[Site]:
    """Take an event as AWS sends it; returns the sites that are polled for it, none if it is about none of ours.

    Raises `Invalid` for what is not an event of DRS.
    """
    policy.require(by, "executions.post_drs_event")
    errors = [
        FieldError(name, f"The event must have a text “{name}”.", "required")
        for name in ("source", "detail-type", "account", "region")
        if not isinstance(event.get(name), str)
    ]
    if not errors and event["source"] != SOURCE:
        errors = [FieldError("source", f"Only events from {SOURCE} are accepted, not from {event['source']}.")]
    if not isinstance(event.get("detail", {}), Mapping):
        errors.append(FieldError("detail", "“detail” must be an object."))
    if errors:
        raise Invalid.of(errors)
    sites = list(Site.objects.filter(account_id=event["account"], region=event["region"]))
    # Of other sites, whoever posts learns nothing.
    sites = [site for site in sites if policy.may(by, "executions.post_drs_event", on=site)]
    if event["detail-type"] != LAUNCH_RESULT:
        return []
    sites = [site for site in sites if has_open_operations(site.pk)]
    job_id = event.get("detail", {}).get("job-id")
    if isinstance(job_id, str):
        DrsJob.objects.filter(site__in=sites, job_id=job_id, finished=False).update(hinted_at=timezone.now())
    tasks.poll_on_commit([site.pk for site in sites])
    return sites
