"""Plans on the pages of what they launch."""

from __future__ import annotations

from django.urls import reverse

from access.policy import Person
from access.visibility import reached
from plans.models import Plan, WaveGroup
from protection.uses import Use


def plans_with(group: int | None, server: tuple[int, str] | None, by: Person) -> list[Use]:
    """The plans, of those that the person may see, with a wave that has this group, or the server's, in it."""
    places = WaveGroup.objects.filter(protection_group=group).select_related("wave__plan")
    places = reached(places, by, "plans.view_plan", "wave__plan", Plan.objects.visible_to)
    return (
        [
            Use(
                place.wave.plan.name,
                reverse("admin:plans_plan_change", args=[place.wave.plan_id]),
                f"wave {place.wave}" + (", archived" if place.wave.plan.archived_at else ""),
            )
            for place in places.order_by("wave__plan__name")
        ]
        if group
        else []
    )
