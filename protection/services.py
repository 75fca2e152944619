"""Writing sites and protection groups. Who may is asked of `access.policy`; what is wrong comes back as sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from django.contrib.auth.models import User
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import IntegrityError, models, transaction

from access import policy
from access.models import ScopeKind
from access.proposals import two_persons
from access.services import assignments_forget
from audit import fingerprints
from audit.event_types import EventType
from audit.record import note_change, without_blanks
from drs.errors import DrsError, NotFound
from drs.port import RecoverySnapshot
from foundation.errors import Conflict, FieldError, Invalid, Missing, Stale, Unavailable
from foundation.sources import Declared
from foundation.sources.rows import declare, source_columns, source_moves
from foundation.wording import listing
from protection.connection import rule_errors
from protection.core.leading import led_elsewhere
from protection.core.tag_selector import selector_problem
from protection.gateways import gateway
from protection.memberships import memberships_write
from protection.models import ProtectionGroup, Site, SourceServer
from protection.obstacles import check_one_site_a_drs, refuse_if_used, refuse_while_under_way, users_of
from protection.selection import check_servers
from protection.selectors import without_credentials
from protection.tasks import site_sync

SITE_FIELDS: Final = ("name", "account_id", "region", "role_arn", "external_id", "endpoint_url", "job_tags")
#: A change of one of these may lead to other servers, or to none: mirror again at once.
CONNECTION_FIELDS: Final = ("account_id", "region", "role_arn", "external_id", "endpoint_url")
#: What makes a site that site. Groups and executions mean these servers, so it stays while one uses it.
IDENTITY_FIELDS: Final = ("account_id", "region")
_GROUP_COLUMNS: Final = ("name", "description", "site", "explicit_servers", "tag_selector")
#: Of these the audit trail says that they changed, and not to what.
SECRET_FIELDS: Final = ("external_id",)
EVENTS: Final = {
    ("site", "created"): EventType.SITE_CREATED,
    ("site", "changed"): EventType.SITE_CHANGED,
    ("site", "deleted"): EventType.SITE_DELETED,
    ("protection_group", "created"): EventType.PROTECTION_GROUP_CREATED,
    ("protection_group", "changed"): EventType.PROTECTION_GROUP_CHANGED,
    ("protection_group", "deleted"): EventType.PROTECTION_GROUP_DELETED,
}


R = TypeVar("R", Site, ProtectionGroup)


# --- Sites ---------------------------------------------------------------------------------------------------------
def site_create(
    *,
    name: str,
    account_id: str,
    region: str,
    role_arn: str = "",
    external_id: str = "",
    endpoint_url: str = "",
    job_tags: bool = True,
    by: User,
    declared: Declared | None = None,
) -> Site:
    """Add a site; its inventory is mirrored right away, by a worker. Raises `Invalid`."""
    policy.require(by, "protection.add_site")
    site = Site(
        name=name,
        account_id=account_id,
        region=region,
        role_arn=role_arn,
        external_id=external_id,
        endpoint_url=endpoint_url,
        job_tags=job_tags,
        saved_by=by,
        **source_columns(declared),
    )
    with transaction.atomic():
        _check_site(site)
        check_one_site_a_drs(site, by)
        _save(site)
        _record(site, {}, facts_of(site), by=by, declared=declared)
        _due_now(site)
    return site


def site_update(
    *,
    site: Site,
    changes: Mapping[str, Any],
    by: User,
    expected_version: int | None = None,
    declared: Declared | None = None,
) -> Site:
    """Change the fields named in `changes` (of `SITE_FIELDS`). Raises `Conflict`, `Invalid`, `Stale`, `Missing`.

    Whatever decides which DRS is asked stays while something is under way there: it would be looked for elsewhere.
    Pointing the site somewhere else mirrors that inventory at once; what it had and that does not have is kept,
    marked as missing.
    """
    policy.require(by, "protection.change_site", sites=[site.pk])
    with transaction.atomic():
        current = _locked(Site, site.pk, f"Site “{site}”", expected_version)
        before = facts_of(current)
        moved = _apply(current, changes, SITE_FIELDS)
        if not moved and not source_moves(current, declared):
            return current
        moved |= declare(current, declared)
        _check_site(current)
        if not moved.isdisjoint(CONNECTION_FIELDS):
            check_one_site_a_drs(current, by)
            refuse_while_under_way(current, by)
        if not moved.isdisjoint(IDENTITY_FIELDS):
            refuse_if_used(current, by)
        if led := [name for name in CONNECTION_FIELDS if name in moved]:
            two_persons(
                "site.connection",
                subject=("site", current.pk, str(before["name"])),
                version=current.version,
                words=led_elsewhere(
                    before, {name: getattr(current, name) for name in led}, SECRET_FIELDS, without_credentials
                ),
                request=dict(changes),
                by=by,
            )
        current.version, current.saved_by = current.version + 1, by
        _save(current, [*moved, "endpoint_key", "version", "saved_by"])
        _record(current, before, facts_of(current), by=by, declared=declared)
        if not moved.isdisjoint(CONNECTION_FIELDS):
            Site.objects.filter(pk=current.pk).update(sync_failures=0)
            _due_now(current)
    current.refresh_from_db()
    return current


def site_delete(*, site: Site, by: User, expected_version: int | None = None, declared: Declared | None = None) -> None:
    """Delete a site with its inventory. Raises `Conflict` naming what still uses it."""
    policy.require(by, "protection.delete_site", sites=[site.pk])
    with transaction.atomic():
        current = _locked(Site, site.pk, f"Site “{site}”", expected_version)
        if users := users_of(current, by):
            raise Conflict(
                f"Site “{current}” cannot be deleted because it is used by {users}. "
                "Delete plans and groups that use it first. A site that executions ran on must be kept.",
                code="in_use",
            )
        # Deleting takes the row's key away, so this is recorded first, in the same transaction.
        _record(current, facts_of(current), {}, by=by, declared=declared)
        pk = current.pk
        current.delete()
        assignments_forget(kind=ScopeKind.SITE, target=pk, by=by)


def site_sync_request(*, site: Site, by: User) -> Site:
    """Have a worker sync the site's inventory now. Returns before that has happened."""
    policy.require(by, "protection.sync_site", sites=[site.pk])
    with transaction.atomic():
        _due_now(site)
    site.refresh_from_db()
    return site


def _check_site(site: Site) -> None:
    """Raise `Invalid` with everything that is wrong: with its columns, and with where it is and how it is reached."""
    errors = list(_column_errors(site))
    named = {error.attr for error in errors}
    errors += [error for error in rule_errors(site) if error.attr not in named]
    if errors:
        raise Invalid.of(errors)


def _due_now(site: Site) -> None:
    """The row says it is due; the message, which may get lost, only saves waiting for the ticker."""
    if not Site.objects.filter(pk=site.pk).nudge(by_person=True):
        raise Missing(f"Site “{site}” has been deleted in the meantime.")
    pk = site.pk
    # No `partial`: Django could not log its failure.
    transaction.on_commit(lambda: site_sync.send(pk), robust=True)


# --- Protection groups ---------------------------------------------------------------------------------------------
def group_create(
    *,
    name: str,
    site: Site,
    description: str = "",
    servers: Sequence[str] = (),
    tag_selector: Mapping[str, Sequence[str]] | None = None,
    by: User,
    declared: Declared | None = None,
) -> ProtectionGroup:
    """Add a protection group of `servers` (source server ids) and whatever `tag_selector` selects. Raises `Invalid`.

    One that is `declared` may select what is not there yet, or what another one leaves in the same transaction: whoever
    declares several calls `memberships.settle` when all are saved. So it is with `group_update` and `group_delete`.
    """
    policy.require(by, "protection.add_protectiongroup", sites=[site.pk])
    group = ProtectionGroup(name=name, description=description, saved_by=by, **source_columns(declared))
    with transaction.atomic():
        group.site = _locked(Site, site.pk, f"Site “{site}”", None)
        group.explicit_servers, group.tag_selector = list(dict.fromkeys(servers)), _selector(tag_selector or {})
        _check_columns(group)
        if declared is None:
            check_servers(group)
        _save(group)
        _record(group, {}, facts_of(group), by=by, declared=declared)
        if declared is None:
            memberships_write(group.site_id)
    return group


def group_update(
    *,
    group: ProtectionGroup,
    changes: Mapping[str, Any],
    by: User,
    expected_version: int | None = None,
    declared: Declared | None = None,
) -> ProtectionGroup:
    """Change the fields named in `changes`: name, description, site, servers, tag_selector.

    Raises `Invalid`, `Stale`, `Missing`."""
    sites = {group.site_id, changes.get("site", group.site).pk}
    policy.require(by, "protection.change_protectiongroup", sites=sites)
    columns = dict(changes)
    if "servers" in columns:
        columns["explicit_servers"] = list(dict.fromkeys(columns.pop("servers")))
    if "tag_selector" in columns:
        columns["tag_selector"] = _selector(columns["tag_selector"])
    with transaction.atomic():
        # Sites before groups, as in a sync.
        list(Site.objects.locked(sites))
        current = _locked(ProtectionGroup, group.pk, f"Protection group “{group}”", expected_version)
        before = facts_of(current)
        moved = _apply(current, columns, _GROUP_COLUMNS)
        if not moved and not source_moves(current, declared):
            return current
        _check_columns(current)
        if declared is None and moved & {"site", "explicit_servers", "tag_selector"}:
            check_servers(current)
        moved |= declare(current, declared)
        current.version, current.saved_by = current.version + 1, by
        _save(current, [*moved, "version", "saved_by"])
        _record(current, before, facts_of(current), by=by, declared=declared)
        for site_id in sorted(sites) if declared is None else ():
            memberships_write(site_id)
    return current


def group_delete(
    *, group: ProtectionGroup, by: User, expected_version: int | None = None, declared: Declared | None = None
) -> None:
    """Delete a group; its servers become unprotected. Raises `Conflict` naming the plans that use it."""
    policy.require(by, "protection.delete_protectiongroup", sites=[group.site_id])
    with transaction.atomic():
        list(Site.objects.locked([group.site_id]))
        current = _locked(ProtectionGroup, group.pk, f"Protection group “{group}”", expected_version)
        if users := users_of(current, by):
            raise Conflict(
                f"Protection group “{current}” cannot be deleted because it is used by {users}. Remove it there first.",
                code="in_use",
            )
        _record(current, facts_of(current), {}, by=by, declared=declared)
        current.delete()
        if declared is None:
            memberships_write(group.site_id)


def _selector(selector: Any) -> dict[str, list[str]]:
    if problem := selector_problem(selector):
        raise Invalid.field("tag_selector", problem)
    return {key: list(dict.fromkeys(values)) for key, values in selector.items()}


# --- Source servers ------------------------------------------------------------------------------------------------
def server_forget(*, server: SourceServer, by: User) -> None:
    """Remove a server that is missing from DRS, so that groups no longer count it. Raises `Conflict`, `Missing`.

    One that DRS lists would return with the next sync; one that a group selects by name must be removed there first.
    """
    policy.require(by, "protection.delete_sourceserver", sites=[server.site_id])
    with transaction.atomic():
        site = _locked(Site, server.site_id, f"Site “{server.site}”", None)
        current = SourceServer.objects.select_for_update(no_key=True).filter(pk=server.pk).first()
        if current is None:
            raise Missing(f"Source server {server} has already been removed.")
        if current.missing_since is None:
            raise Conflict(
                f"DRS still lists source server {current}: only servers missing from DRS can be removed.",
                code="listed_by_drs",
            )
        names = [
            f"“{group.name}”"
            for group in ProtectionGroup.objects.at(site)
            if current.source_server_id in group.explicit_servers
        ]
        if names:
            raise Conflict(
                f"Source server {current} is selected in protection group {listing(names)}. Remove it there first.",
                code="in_use",
            )
        note_change(
            "site",
            site.pk,
            site.name,
            EventType.SOURCE_SERVER_REMOVED,
            before={"source_server_id": current.source_server_id, "hostname": current.hostname},
            after={},
            by=by,
            server=str(current),
        )
        current.delete()


def recovery_snapshot_list(*, server: SourceServer, by: User) -> list[RecoverySnapshot]:
    """The points in time that DRS has for a server, newest first, as DRS reports them now.

    Raises `Unavailable`, or `Missing` where DRS has no such server any more, or `by` may not see it.
    """
    if not SourceServer.objects.visible_to(by).filter(pk=server.pk).exists():
        raise Missing(f"There is no source server “{server.source_server_id}”.")
    try:
        return list(gateway(server.site).recovery_snapshots(server.source_server_id))
    except NotFound as error:
        raise Missing(f"DRS no longer has source server {server.source_server_id}. {error}") from error
    except DrsError as error:
        raise Unavailable(f"The points in time of {server} cannot be read at the moment. {error}") from error


# --- Shared --------------------------------------------------------------------------------------------------------
def _locked(model: type[R], pk: int, label: str, expected_version: int | None) -> R:
    """The row, held until the transaction ends, if it still has the version that was expected."""
    row = model._default_manager.select_for_update(no_key=True).filter(pk=pk).first()
    if row is None:
        raise Missing(f"{label} has been deleted in the meantime.")
    if expected_version is not None and row.version != expected_version:
        raise Stale(
            f"{label} was changed in the meantime: it is at version {row.version}, but you edited {expected_version}. "
            "Read it again, then repeat your change."
        )
    return row


def _apply(row: models.Model, changes: Mapping[str, Any], known: Sequence[str]) -> set[str]:
    """Set the fields; returns those that are different now. A field that is not known is the caller's defect."""
    if strange := changes.keys() - set(known):
        raise TypeError(f"not fields of {row._meta.verbose_name}: {', '.join(sorted(strange))}")
    moved = {name for name, value in changes.items() if getattr(row, name) != value}
    for name in moved:
        setattr(row, name, changes[name])
    return moved


def facts_of(row: Site | ProtectionGroup) -> dict[str, Any]:
    """What the audit trail keeps of the row: what a person sets."""
    if isinstance(row, Site):
        return {**{name: getattr(row, name) for name in SITE_FIELDS}, "source": row.source_facts}
    facts = {"servers" if name == "explicit_servers" else name: getattr(row, name) for name in _GROUP_COLUMNS}
    # By id too: a site may be renamed.
    return {**facts, "site": row.site.name, "site_id": row.site_id, "source": row.source_facts}


def secrets_of(row: models.Model) -> dict[str, Any]:
    """What is held to the audit trail by its fingerprint alone."""
    return {name: getattr(row, name) for name in SECRET_FIELDS}


def _record(
    row: Site | ProtectionGroup, before: Mapping[str, Any], after: Mapping[str, Any], *, by: User,
    declared: Declared | None = None,
) -> None:  # fmt: skip
    """Record the change in the row's chain; nothing before: it was created; nothing after: it is deleted."""
    kind = "site" if isinstance(row, Site) else "protection_group"
    what = "created" if not before else "changed" if after else "deleted"
    type = EVENTS[kind, what]
    seals = isinstance(row, Site) and after and any(before.get(name) != after[name] for name in SECRET_FIELDS)
    note_change(
        kind, row.pk, row.name, type, before=before, after=after, by=by, secret=SECRET_FIELDS,
        seal=(lambda: fingerprints.sealed(kind, row.pk, secrets_of(row))) if seals else None,
        **without_blanks(message=declared.message if declared else ""),
    )  # fmt: skip


def _check_columns(row: models.Model) -> None:
    """Raise `Invalid` with what Django's own validation of the columns and constraints finds."""
    if errors := list(_column_errors(row)):
        raise Invalid.of(errors)


def _column_errors(row: models.Model) -> Iterable[FieldError]:
    try:
        # Constraints have sentences of their own, or are a race that `_save` tells of. What it refers to was just read.
        row.full_clean(exclude={each.name for each in row._meta.fields if each.is_relation}, validate_constraints=False)
    except ValidationError as error:
        for attr, sentences in error.message_dict.items():
            yield from (
                FieldError("" if attr == NON_FIELD_ERRORS else _API_NAMES.get(attr, attr), sentence)
                for sentence in sentences
            )


_API_NAMES = {"explicit_servers": "servers"}


def _save(row: models.Model, fields: Iterable[str] | None = None) -> None:
    """Insert the row, or update its `fields`. A name that was free may be taken by a faster request."""
    try:
        with transaction.atomic():
            row.save(force_insert=fields is None, update_fields=fields)
    except IntegrityError as error:
        noun = row._meta.verbose_name
        raise Conflict(
            f"Someone has just saved a {noun} with the same name or place. Check the list.", code="changed_meanwhile"
        ) from error
