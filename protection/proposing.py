"""What of a site takes a second person (`access.proposals`), and how it is carried out once that has agreed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User

from access.proposals import declare
from protection import selectors, services


def _connection(site_id: str, version: int, asked: Mapping[str, Any], by: User) -> None:
    services.site_update(site=selectors.site_get(site_id, by), changes=asked, by=by, expected_version=version)


declare("site.connection", "Change the connection of the site", _connection)
