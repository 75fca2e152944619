"""How many approvals plans have asked for, and who agreed that they ask for fewer (ADR 0032).

A plan may be saved with fewer approvals by whoever may change it; they count only once an approver has agreed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from access import policy
from audit.canonical import plain
from audit.event_types import EventType
from audit.holding import Document
from audit.record import Entry, note
from foundation.errors import Conflict, Invalid, NotAllowed
from foundation.wording import count
from plans import selectors
from plans.models import ApprovalDemand, Plan, PlanRevision
from protection.models import ProtectionGroup

#: Part of what a plan's events seal: every row of the plan, whenever one of them changes.
PART: Final = "demands"
_COLUMNS: Final = tuple(
    field.attname for field in ApprovalDemand._meta.concrete_fields if field.attname not in ("id", "plan_id")
)


def demands_now(plan_ids: Collection[int]) -> Mapping[int, Document]:
    """What the rows of these plans say, by the plan's id, as it is sealed."""
    found: dict[int, dict[str, dict[str, Any]]] = {plan_id: {} for plan_id in plan_ids}
    rows = ApprovalDemand.objects.filter(plan_id__in=plan_ids).order_by("pk").values_list("plan_id", "pk", *_COLUMNS)
    for plan_id, pk, *values in rows.iterator(500):
        found[plan_id][str(pk)] = {name: plain(value) for name, value in zip(_COLUMNS, values, strict=True)}
    return {plan_id: {"demand for approvals": of_plan} for plan_id, of_plan in found.items()}


def _sealed(plan_id: int) -> Mapping[str, Document]:
    return {PART: demands_now([plan_id])[plan_id]}


def demand_note(plan: Plan, groups: Iterable[ProtectionGroup]) -> Mapping[str, Document]:
    """Keep what the plan asks for from now on, in the transaction that saves it; returns what its event is to seal."""
    ids = sorted(group.pk for group in groups)
    open_one = ApprovalDemand.objects.filter(plan_id=plan.pk, until=None).first()
    asked = (plan.name, plan.approvals_required, ids)
    if open_one is not None:
        if (open_one.plan_name, open_one.approvals_required, open_one.protection_groups) == asked:
            return {}
        demand_end(plan)
    ApprovalDemand.objects.create(
        plan_id=plan.pk,
        plan_name=plan.name,
        approvals_required=plan.approvals_required,
        protection_groups=ids,
        since=timezone.now(),
    )
    return _sealed(plan.pk)


def demand_end(plan: Plan) -> Mapping[str, Document]:
    """The plan no longer asks for what it asked for, or is deleted: that outlives it. As `demand_note`."""
    ApprovalDemand.objects.filter(plan_id=plan.pk, until=None).update(until=timezone.now())
    return _sealed(plan.pk)


def approvals_agree(*, plan: Plan, comment: str, by: User, approvals_required: int | None = None) -> Plan:
    """Agree that recoveries of the plan need no more approvals than it says.

    Raises `NotAllowed` for whoever saved the plan so, `Conflict` if there is nothing to agree to, or if the plan says
    another number than `approvals_required`, the one that the caller looked at.
    """
    policy.require(by, "plans.agree_plan", on=plan)
    if not comment.strip():
        raise Invalid.field("comment", "Enter why fewer approvals are enough. It is recorded.", "required")
    with transaction.atomic():
        current = Plan.objects.select_for_update().get(pk=plan.pk)
        if approvals_required not in (None, current.approvals_required):
            raise Conflict(
                f"Nothing was agreed to: plan “{current}” now asks for "
                f"{count(current.approvals_required, 'approval')}, and you looked at {approvals_required}.",
                code="changed_since_read",
            )
        higher = selectors.demands_of(current).filter(approvals_required__gt=current.approvals_required, agreed_at=None)
        if not higher.exists():
            raise Conflict(
                f"Plan “{current}” has not been given fewer approvals, so there is nothing to agree to.",
                code="nothing_to_agree",
            )
        if _lowered_by(current) == by.pk:
            raise NotAllowed("You saved the plan with fewer approvals, so another approver must agree.")
        before = selectors.approvals_in_force(current)
        # Also of plans that had its name: what changes of theirs is in their chains. Locked, as they may be saved now.
        lowered = dict(higher.order_by("since").values_list("plan_id", "plan_name"))
        list(Plan.objects.select_for_update().filter(pk__in=lowered).order_by("pk"))
        higher.update(agreed_at=timezone.now(), agreed_by=by, agreed_by_name=by.get_username(), agreed_comment=comment)
        detail = {"approvals": current.approvals_required, "instead_of": before, "comment": comment}
        for plan_id, name in sorted({**lowered, current.pk: current.name}.items()):
            entry = Entry(
                EventType.PLAN_APPROVALS_AGREED, name, detail, by.get_username(), by.pk, documents=_sealed(plan_id)
            )
            note("plan", plan_id, name, [entry])
    return selectors.plan_now(plan)


def _lowered_by(plan: Plan) -> int | None:
    """Who saved the revision since which it asks for so few."""
    saved_by = None
    for revision in PlanRevision.objects.filter(plan=plan).order_by("-number").iterator(chunk_size=20):
        if revision.document["approvals_required"] > plan.approvals_required:
            break
        saved_by = revision.saved_by_id
    return saved_by
