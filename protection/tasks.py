"""Actors of protection: messages are nudges, the rows say what is due."""

from __future__ import annotations

import dramatiq

from foundation.due import works_on
from protection import sync
from protection.models import Site


@works_on(Site.objects.all)
@dramatiq.actor(actor_name="protection.site_sync", queue_name="inventory")
def site_sync(site_id: int) -> None:
    """Mirror one site's inventory. A lost message is sent again by the ticker, a doubled one finds the lease taken."""
    sync.site_sync(site_id)
