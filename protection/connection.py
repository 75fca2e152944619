"""Where a site is and how it is reached: what is wrong with that, and whether DRS answers there."""

from __future__ import annotations

from itertools import islice
from typing import Final

from django.contrib.auth.models import User

from access import policy
from drs.errors import DrsError
from foundation.errors import FieldError, Invalid, Unavailable
from foundation.outside.outbound import url_refusal
from protection.core.site_rules import site_errors
from protection.gateways import gateway
from protection.models import Site

#: Enough to see that it is the right account.
TRIED_SERVERS: Final = 100


def site_try(*, site: Site, by: User) -> int:
    """Ask DRS as this site would, saved or not, and save nothing: how many source servers it lists, of the first page.

    Raises `Invalid` (what is wrong with the site), or `Unavailable` with what AWS, or the way there, said.
    """
    sites = [site.pk] if site.pk else []
    policy.require(by, "protection.change_site" if site.pk else "protection.add_site", sites=sites)
    if errors := rule_errors(site):
        raise Invalid.of(errors)
    try:
        return sum(1 for _ in islice(gateway(site).source_servers(), TRIED_SERVERS))
    except DrsError as error:
        raise Unavailable(error.message) from error


def rule_errors(site: Site) -> list[FieldError]:
    """Where it is and how it is reached."""
    errors = site_errors(
        account_id=site.account_id,
        region=site.region,
        role_arn=site.role_arn,
        external_id=site.external_id,
        endpoint_url=site.endpoint_url,
    )
    if refusal := url_refusal(site.endpoint_url):
        errors.append(FieldError("endpoint_url", refusal))
    return errors
