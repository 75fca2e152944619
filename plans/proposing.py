"""What of a plan takes a second person (`access.proposals`), and how it is carried out once that has agreed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.contrib.auth.models import User
from django.urls import reverse

from access import policy
from access.proposals import declare, declare_elsewhere
from foundation.wording import count
from plans import selectors, services
from plans.models import Plan


def _delete(plan_id: str, version: int, asked: Mapping[str, Any], by: User) -> None:
    services.plan_delete(plan=selectors.plan_get(plan_id, by), by=by, expected_version=version)


def _archive(plan_id: str, version: int, asked: Mapping[str, Any], by: User) -> None:
    services.plan_archive(plan=selectors.plan_get(plan_id, by), by=by, expected_version=version)


def _fewer_approvals(user: User) -> Iterator[tuple[str, str]]:
    """Plans that were saved with fewer approvals: that counts only once an approver has agreed, whatever the settings
    say (ADR 0032)."""
    if not policy.may(user, "plans.agree_plan"):
        return
    for plan in Plan.objects.visible_to(user).in_use().with_demanded().order_by("name"):
        asked: int | None = getattr(plan, "demanded", None)
        if asked is None or asked <= plan.approvals_required:
            continue
        yield (
            f"Plan {plan} asks for {count(plan.approvals_required, 'approval')} instead of {asked}: an "
            "approver who did not save that must agree.",
            reverse("admin:plans_plan_change", args=[plan.pk]),
        )


declare("plan.delete", "Delete the plan", "plans.delete_plan", _delete)
declare("plan.archive", "Archive the plan", "plans.archive_plan", _archive)
declare_elsewhere(_fewer_approvals)
