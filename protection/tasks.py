"""Actors of protection: messages are nudges, the rows say what is due."""

from __future__ import annotations

import dramatiq

from protection.sync import site_sync


@dramatiq.actor(actor_name="protection.site_sync")
def site_sync_actor(site_id: int) -> None:
    """Mirror one site's inventory. A lost message is sent again by the ticker, a doubled one finds the lease taken."""
    site_sync(site_id)
