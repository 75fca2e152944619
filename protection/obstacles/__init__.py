"""What keeps a site or a protection group from being changed or deleted, in the words of whoever asks."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.auth.models import User
from django.db import models

from access import policy
from foundation.errors import Conflict, FieldError, Invalid
from foundation.protectors import protectors
from foundation.wording import listing
from protection import endpoints, uses
from protection.models import Site

#: What uses a row is named up to this number.
_USERS_NAMED: Final = 5


def check_one_site_a_drs(site: Site, by: User) -> None:
    """Raises `Invalid` if another site leads to the same DRS, in whatever spelling."""
    site.endpoint_key = endpoints.key_of(site.endpoint_url)
    same = Site.objects.filter(account_id=site.account_id, region=site.region, endpoint_key=site.endpoint_key)
    other = same.exclude(pk=site.pk).first()
    if other is not None:
        is_visible = Site.objects.visible_to(by).filter(pk=other.pk).exists()
        named = f": “{other}”. Use that site." if is_visible else ", and you may not see it. Ask an administrator."
        sentence = f"Another site already has this account, Region and endpoint{named}"
        raise Invalid.of([FieldError("", sentence, "unique")])


def refuse_while_under_way(site: Site, by: User) -> None:
    """Raises `Conflict` naming what is under way at the site, whose row the caller holds locked."""
    if names := uses.under_way_at(site.pk, by):
        raise Conflict(
            f"Site “{site}” is in use by {listing(names)}, so how drsorch reaches its DRS cannot change now: launches "
            "and instances would be looked for elsewhere. Wait until they have ended and are cleaned up, or cancel "
            "what is still running.",
            code="site_in_use",
        )


def refuse_if_used(site: Site, by: User) -> None:
    """Raises `Conflict` naming what would also prevent deleting the site."""
    if users := users_of(site, by):
        raise Conflict(
            f"Site “{site}” is used by {users}, so its account and Region cannot change. "
            "Create another site for the other account or Region.",
            code="in_use",
        )


def users_of(row: models.Model, by: User) -> str:
    """What keeps the row, the first few of it: plans for their waves, executions for what they ran. Empty if nothing.
    What `by` may not see is not named.

    A row that comes to refer to it after this waits for its lock, and then finds it gone.
    """
    names = list(dict.fromkeys(user_name(each, by) for each in protectors(row, _USERS_NAMED + 1)))
    more = " and others" if len(names) > _USERS_NAMED else ""
    return listing(names[:_USERS_NAMED]) + more


def user_name(row: models.Model, by: User) -> str:
    """What a person knows the row by. The apps above are known by their relations only: waves lead to their plan."""
    wave, execution = getattr(row, "wave", None), getattr(row, "execution", None)
    if execution is not None:
        return f"the {execution}" if _sees(by, execution) else "an execution that you may not see"
    if wave is not None:
        return f"plan “{wave.plan}”" if _sees(by, wave.plan) else "a plan that you may not see"
    return f"{row._meta.verbose_name} “{row}”"


def _sees(by: User, row: Any) -> bool:
    seen = type(row)._default_manager.visible_to(by)
    return policy.may_everywhere(by, "protection.view_site") or seen.filter(pk=row.pk).exists()
