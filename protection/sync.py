"""Mirroring a site's inventory: claim the site, ask AWS outside any transaction, write what changed in a short one."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from drs import port
from drs.calls import skew_seconds
from drs.errors import TRANSIENT, Denied, DrsError
from foundation.due import Claim, LeaseLost
from protection.core.backoff import sync_backoff
from protection.gateways import gateway
from protection.memberships import BATCH, memberships_write
from protection.models import Site, SourceServer

log = structlog.get_logger(__name__)

#: Names a role or a session of one, as AWS's refusals do.
_ROLES: Final = re.compile(r"arn:aws[a-z-]*:(iam|sts)::[0-9]{12}:[^\s,;]+", re.ASCII)

#: The columns that mirror DRS; the others are ours.
MIRRORED: Final = (
    "arn", "hostname", "fqdn", "os", "tags", "replication_state", "replication_error", "lag_seconds",
    "replication_direction", "recovery_instance_id", "last_launch_status", "last_launch_type", "last_launch_at",
    "cpu_cores", "ram_bytes", "disk_bytes", "staging_account_id", "aws_instance_id",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Inventory:
    """What AWS said about a site."""

    servers: Mapping[str, port.SourceServer]
    #: None where AWS could not be asked; the numbers of the last sync stay.
    quotas: port.Quotas | None


@dataclass(slots=True)
class Lease:
    """A worker's claim on a site that it prolongs while it works."""

    claim: Claim[Site]
    until: datetime

    @property
    def site(self) -> Site:
        return self.claim.row

    def rows(self) -> models.QuerySet[Site]:
        """The site, if it is still ours and still points at the same place."""
        return Site.objects.held(self.site.pk, self.claim.token).filter(version=self.site.version)

    def keep(self) -> None:
        """Prolong the lease once half of it is used up. Raises `LeaseLost`."""
        now = timezone.now()
        if self.until - now > _lease() / 2:
            return
        self.until = now + _lease()
        if not self.rows().update(lease_until=self.until):
            raise LeaseLost


def site_sync(site_id: int) -> bool:
    """Mirror the site's inventory and quotas, if that is due. True if this call did it, or failed to and said so on the
    site.

    False: it is not due, another worker is at it, or the site is gone. What AWS refuses becomes a sentence in
    `sync_error`, the inventory stays as it was, and the next try is put off; nothing is raised for it.
    """
    claim = Site.objects.claim(site_id, seconds=settings.DRSORCH_LEASE_SECONDS)
    if claim is None:
        return False
    lease = Lease(claim, timezone.now() + _lease())
    try:
        inventory = _observe(lease)
        with transaction.atomic():
            _write(lease, inventory)
    except LeaseLost:
        log.info("sync_lease_lost", site=lease.site.name)
        # If it is still ours, then the site points elsewhere now: what is there is due at once.
        Site.objects.release(claim, timezone.now())
        return False
    except DrsError as error:
        log.warning(
            "sync_failed", site=lease.site.name, error=str(error), code=error.code, aws_request_id=error.aws_request_id
        )
        _give_up(lease, error)
    except Exception:
        # A defect of ours: the person sees that the inventory is old; when it is retried is `foundation.due`'s to say.
        sentence = "The sync failed with an error inside drsorch; its log has the details."
        lease.rows().update(sync_failures=lease.site.sync_failures + 1, sync_error=sentence)
        raise
    return True


def _observe(lease: Lease) -> Inventory:
    """Ask AWS for everything. Raises `DrsError`; no transaction is open."""
    drs = gateway(lease.site)
    _verify_account(lease.site, drs)
    servers = {}
    for server in drs.source_servers():
        # A page may repeat a server that moved while paging.
        servers[server.source_server_id] = server
        lease.keep()
    _verify_servers(lease.site, servers.values())
    try:
        quotas: port.Quotas | None = drs.quotas()
    except DrsError:
        quotas = None
    lease.keep()
    return Inventory(servers, quotas)


def _verify_account(site: Site, drs: port.DrsPort) -> None:
    """Refuse to mirror another account's servers. An endpoint that serves DRS alone cannot be asked: then go on."""
    try:
        account_id = drs.verify()
    except DrsError:
        return
    if account_id != site.account_id:
        using = "The site's role" if site.role_arn else "The AWS credentials of drsorch"
        raise WrongAccount(
            f"{using} belong{'s' if site.role_arn else ''} to account {account_id}, but the site is account "
            f"{site.account_id}. Correct the site's account or its role."
        )


#: So many servers show whether two sites have the same ones.
_SAMPLE: Final = 200


def _verify_servers(site: Site, servers: Collection[port.SourceServer]) -> None:
    """What DRS itself says it is counts, not what was typed: the same servers are the same DRS."""
    arns = [server.arn for server in servers if server.arn]
    others = SourceServer.objects.present().filter(arn__in=arns[:_SAMPLE]).exclude(site=site)
    twin = others.select_related("site").first()
    if twin is not None:
        raise SameDrs(
            f"This site leads to the same DRS as site “{twin.site}”, which lists the same source servers. One DRS is "
            "one site: delete one of the two, or correct its endpoint."
        )


class SameDrs(DrsError):
    """Two sites lead to one DRS, so that their executions would replace each other's instances."""


class WrongAccount(DrsError):
    """The credentials work, but for another account than the site's."""


def _write(lease: Lease, inventory: Inventory) -> None:
    """One short transaction: rows that changed, rows that vanished or came back, memberships, the site itself.

    Queries: a constant handful, and one per `BATCH` rows written (per 41 on SQLite, which takes 999 variables in one
    statement).
    """
    if lease.rows().select_for_update(no_key=True).first() is None:
        raise LeaseLost
    now = timezone.now()
    site = lease.site
    known = {row.source_server_id: row for row in SourceServer.objects.at(site)}
    changed = [
        row
        for server_id, server in inventory.servers.items()
        if (row := _changed_row(site, known.get(server_id), server, now)) is not None
    ]
    SourceServer.objects.bulk_create(
        changed,
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["site", "source_server_id"],
        update_fields=[*MIRRORED, "missing_since"],
    )
    vanished = [
        row.pk for row in known.values() if not row.missing_since and row.source_server_id not in inventory.servers
    ]
    for start in range(0, len(vanished), BATCH):
        SourceServer.objects.filter(pk__in=vanished[start : start + BATCH]).update(missing_since=now)
    memberships_write(site.pk)
    quotas = inventory.quotas or site.quotas
    Site.objects.release(
        lease.claim,
        now + timedelta(seconds=settings.DRSORCH_SYNC_SECONDS),
        sync_failures=0,
        sync_error="",
        sync_denied=False,
        clock_skew_seconds=_skew(site),
        last_synced_at=now,
        quota_concurrent_jobs=quotas.concurrent_jobs,
        quota_servers_per_job=quotas.servers_per_job,
        quota_servers_in_jobs=quotas.servers_in_jobs,
        quota_source=quotas.source,
    )


def _changed_row(site: Site, row: SourceServer | None, server: port.SourceServer, now: datetime) -> SourceServer | None:
    """The row as it must be written; None if it says so already."""
    values = _columns(server)
    if row is None:
        return SourceServer(site=site, source_server_id=server.source_server_id, first_seen_at=now, **values)
    if row.missing_since is None and all(getattr(row, name) == value for name, value in values.items()):
        return None
    for name, value in values.items():
        setattr(row, name, value)
    row.missing_since = None
    # Written as an upsert by its natural key; the primary key would be a second conflict target.
    row.pk = None
    return row


def _columns(server: port.SourceServer) -> dict[str, Any]:
    values = {name: getattr(server, name) for name in MIRRORED}
    values["tags"] = dict(server.tags)
    values["recovery_instance_id"] = server.recovery_instance_id or ""
    return values


def _give_up(lease: Lease, error: DrsError) -> None:
    """Say on the site why its inventory is old, and when it is tried again."""
    failures = lease.site.sync_failures + 1
    # Everybody may read the sentence; who may change the site sees its role there, and the log has it whole.
    sentence = _ROLES.sub("a role", str(error).replace(lease.site.role_arn or "\0", "its role"))
    transient = isinstance(error, TRANSIENT)
    backoff = sync_backoff(interval_seconds=settings.DRSORCH_SYNC_SECONDS, transient=transient)
    delay = backoff.after(failures, retry_after_seconds=error.retry_after_seconds)
    Site.objects.release(
        lease.claim,
        timezone.now() + timedelta(seconds=delay),
        sync_failures=failures,
        sync_error=sentence,
        sync_denied=isinstance(error, Denied),
        clock_skew_seconds=_skew(lease.site),
    )


def _skew(site: Site) -> float | None:
    return skew_seconds(site.account_id, site.region)


def _lease() -> timedelta:
    return timedelta(seconds=settings.DRSORCH_LEASE_SECONDS)
