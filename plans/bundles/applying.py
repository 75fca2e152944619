"""Plans as code: sites, protection groups and plans as documents, read as one and applied in one transaction.

`plans.core.bundle` decides what changes; the services of each thing write it, ask for the rights that it needs, and
record it. A dry run does all of that, and takes it back: what it does not refuse, applying does not refuse either. To
find out what would change takes no right but to see it: a dry run says what its caller may not do, or not alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from django.contrib.auth.models import User
from django.db import transaction
from django.urls import reverse

from access import policy
from access.models import Proposal
from access.proposals import on_trial, title_of
from foundation.errors import Conflict, DomainError, FieldError, Invalid, Missing, NotAllowed, Stale
from foundation.models import Installation, installation_id
from foundation.names import name_clean
from foundation.protectors import protectors
from foundation.sources import Declared, Source
from plans import selectors, services
from plans.core.bundle import Action, Change, Existing, Kind, Outcome, changes_of, exported, fingerprint
from plans.core.differences import Difference
from plans.models import Plan
from protection import memberships
from protection import services as protecting
from protection.models import ProtectionGroup, Site
from protection.obstacles import user_name
from protection.selection import declared_check
from protection.selectors import may_see_roles, without_credentials

#: What people may say about an apply, in characters.
MAX_MESSAGE: Final = 10_000
#: A site that is to go has few groups left.
_PROTECTORS: Final = 20


@dataclass(frozen=True, slots=True)
class Applied:
    """What was changed, or would be."""

    outcome: Outcome
    fingerprint: str
    #: What selects nothing yet, each in a sentence by the group's name.
    warnings: tuple[tuple[str, str], ...]
    #: Of a dry run: why its caller may not apply it, or not alone, in a sentence; empty if they may.
    refused: str = ""


def bundle_export(*, by: User) -> list[dict[str, Any]]:
    """Everything that `by` may see, without archived plans and without secrets, as documents."""
    policy.require(by, "plans.view_plan")
    rows = [each for each in existing(by) if not each.archived]
    # What roles there are is not everyone's business; a document with null leaves it as it is.
    shown = {site.pk for site in Site.objects.visible_to(by) if may_see_roles(by, site)}
    return exported(
        (row.kind, {**row.body, "role_arn": None} if row.kind is Kind.SITE and row.id not in shown else row.body)
        for row in rows
    )


def bundle_apply(
    *,
    documents: Sequence[object],
    renamed_from: Mapping[str, Any] = {},
    prune: bool = False,
    dry_run: bool = False,
    message: str = "",
    source: Source | None = None,
    expected_fingerprint: str = "",
    done: Callable[[], None] = lambda: None,
    by: User,
) -> Applied:
    """Bring what there is to what `documents` say, all of it or nothing. With `dry_run`, find out what that changes.

    Raises `Invalid` with everything that is wrong at once, each at its path; `Stale` if `expected_fingerprint`, that of
    a dry run, is no longer what would be changed. `done` is called in the transaction.
    """
    policy.require(by, "plans.view_plan")
    if source is not None:
        # The address of a repository often has a token in it where a pipeline runs.
        source = replace(source, repository=without_credentials(source.repository))
    with transaction.atomic():
        # One apply after the other: what two of them compare must not move in between.
        Installation.objects.select_for_update().get(id=installation_id())
        outcome = changes_of(
            documents,
            existing(by, source if prune else None, documents),
            renamed_from=renamed_from,
            prune=prune,
            source=source,
        )
        found = fingerprint(outcome)
        if expected_fingerprint and expected_fingerprint != found:
            raise Stale(
                "Nothing was applied: since you looked at the difference, something has changed. Look at it again, "
                "then apply that.",
                code="changed_since_diff",
            )
        carrying = _Carrying(outcome, source, message, by)
        refusal: DomainError | None
        try:
            with on_trial() as proposals:
                carrying.carry_out()
        except NotAllowed as error:
            refusal = error
        else:
            refusal = _two_persons(proposals, outcome) if proposals else None
        if dry_run:
            transaction.set_rollback(True)
        elif refusal is not None:
            raise refusal
        else:
            done()
    shown = replace(outcome, changes=tuple(_shown(change, by) for change in outcome.changes))
    return Applied(shown, found, tuple(carrying.warnings), refusal.detail if refusal else "")


def _two_persons(proposals: Sequence[Proposal], outcome: Outcome) -> Conflict:
    """What takes a second person is proposed by itself: a bundle is applied as a whole, and does not wait in part."""
    places = {(change.kind.value, str(change.of.id)): change.place for change in outcome.changes if change.of}
    errors = []
    for each in proposals:
        verb, view = _PROPOSED_WITH[each.kind]
        sentence = (
            f"{title_of(each)}: this takes two persons here. Propose it with {verb} "
            f"{reverse(view, args=[each.subject_id])}, or on its page; apply again once someone else has agreed."
        )
        place = places.get((each.subject_type, each.subject_id), "")
        errors.append(FieldError(place, sentence, "two_persons", each.subject_id))
    return Conflict(" ".join(one.detail for one in errors), errors=errors, code="two_persons")


#: What proposes each kind that a bundle may have in it.
_PROPOSED_WITH: Final = {
    "plan.delete": ("DELETE", "plan-detail"),
    "plan.archive": ("POST", "plan-archive"),
    "site.connection": ("PATCH", "site-detail"),
}


def _shown(change: Change, by: User) -> Change:
    """The change without the role that a site has, for those who may not see it."""
    if change.kind is not Kind.SITE or change.of is None or may_see_roles(by, Site.objects.get(pk=change.of.id)):
        return change
    hidden = [{**one, "before": None} if one["path"] == "role_arn" else one for one in change.differences]
    return replace(change, differences=tuple(cast("Difference", one) for one in hidden))


# --- What there is --------------------------------------------------------------------------------------------------
def existing(by: User, pruning: Source | None = None, documents: Sequence[object] = ()) -> list[Existing]:
    """Everything that `by` may see, as its document would be, in a constant number of queries.

    With `pruning`, what keeps a thing from being deleted is looked up too, for things from there without a document.
    """
    named = {
        (one.get("kind"), name_clean(one["name"]))
        for one in documents
        if isinstance(one, Mapping) and isinstance(one.get("kind"), str) and isinstance(one.get("name"), str)
    }

    def held(row: Site | Plan, kind: Kind) -> str:
        if pruning is None or row.source is None or row.source.place != pruning.place or (kind, row.name) in named:
            return ""
        return _held(row, by)

    found: list[Existing] = []
    for site in Site.objects.visible_to(by).order_by("pk"):
        found.append(_existing(Kind.SITE, site, _site_body(site), held(site, Kind.SITE)))
    for group in ProtectionGroup.objects.visible_to(by).select_related("site").order_by("pk"):
        found.append(_existing(Kind.GROUP, group, _group_body(group), ""))
    for plan in selectors.plan_list(by).order_by("pk"):
        body = {**selectors.document(plan)}
        found.append(_existing(Kind.PLAN, plan, body, held(plan, Kind.PLAN), archived=plan.archived_at is not None))
    return found


def _existing(
    kind: Kind, row: Site | ProtectionGroup | Plan, body: Mapping[str, Any], held: str, *, archived: bool = False
) -> Existing:
    return Existing(kind, row.pk, row.version, body, row.source, row.source_name, archived, held)


def _site_body(site: Site) -> dict[str, Any]:
    return {
        "name": site.name, "account_id": site.account_id, "region": site.region, "role_arn": site.role_arn,
        "endpoint_url": without_credentials(site.endpoint_url), "job_tags": site.job_tags,
    }  # fmt: skip


def _group_body(group: ProtectionGroup) -> dict[str, Any]:
    return {
        "name": group.name, "description": group.description, "site": group.site.name,
        "servers": group.explicit_servers, "tag_selector": group.tag_selector,
    }  # fmt: skip


def _held(row: Site | Plan, by: User) -> str:
    """What keeps the row besides groups and plans, as a person knows it: an execution."""
    for each in protectors(row, _PROTECTORS):
        if not isinstance(each, ProtectionGroup):
            return user_name(each, by)
    return ""


# --- Carrying it out ------------------------------------------------------------------------------------------------
class _Carrying:
    """Has services make the changes, in order, in the caller's transaction."""

    def __init__(self, outcome: Outcome, source: Source | None, message: str, by: User) -> None:
        self.outcome, self.source, self.message, self.by = outcome, source, message, by
        self.errors: list[FieldError] = []
        #: Sites at which who is in which group may have changed.
        self.sites: set[int] = set()
        self._sites_by_name: dict[str, Site] = {}
        #: Groups that may have others' servers now, by id.
        self.groups: dict[int, Change] = {}
        #: What they select that is not there yet, each in a sentence, by the group's name.
        self.warnings: list[tuple[str, str]] = []

    def carry_out(self) -> None:
        written = {Kind.SITE: self._site, Kind.GROUP: self._group, Kind.PLAN: self._plan}
        for kind in Kind:
            for change in self.outcome.changes:
                if change.kind is kind and change.document is not None:
                    with self._at(change):
                        written[kind](change, {**change.document.body})
            self._raise()
        for change in self.outcome.changes:
            if change.document is None and change.of is not None:
                self._remove(change, change.of)
        declaring = declared_check(self.groups)
        for id, errors in declaring.errors.items():
            with self._at(self.groups[id]):
                raise Invalid.of(errors)
        self._raise()
        memberships.settle(self.sites)
        self.warnings = sorted((self.groups[id].name, sentence) for id, sentence in declaring.not_yet.items())

    def _raise(self) -> None:
        if self.errors:
            raise Invalid.of(self.errors)

    @contextmanager
    def _at(self, change: Change) -> Iterator[None]:
        """What is invalid is noted at the document's place; what is refused otherwise says which document it is of."""
        words = change.document.words if change.document else change.name
        words = words[0].upper() + words[1:]
        try:
            with transaction.atomic():
                yield
        except Invalid as invalid:
            for error in invalid.errors:
                path = f"{change.place}.{error.attr}".rstrip(".")
                detail = f"{words}: {error.detail}{self._renamed(change, error)}"
                self.errors.append(FieldError(path, detail, error.code))
        except DomainError as error:
            error.detail = f"{words}: {error.detail}"
            error.args = (error.detail,)
            raise

    def _renamed(self, change: Change, error: FieldError) -> str:
        """A group whose servers another one has is most often that one under its new name."""
        if error.code != "overlap" or change.action is not Action.CREATE:
            return ""
        return " If it is that group under another name, write renamed_from in its document, with the old name."

    def _declared(self, change: Change) -> Declared:
        return Declared(change.name, self.source, self.message)

    def _site(self, change: Change, body: dict[str, Any]) -> None:
        declared = self._declared(change)
        if change.of is None:
            protecting.site_create(**body, by=self.by, declared=declared)
            return
        site = Site.objects.get(pk=change.of.id)
        protecting.site_update(
            site=site, changes=body, by=self.by, expected_version=change.of.version, declared=declared
        )  # fmt: skip

    def _group(self, change: Change, body: dict[str, Any]) -> None:
        declared = self._declared(change)
        body["site"] = self._site_named(body["site"])
        if change.of is None:
            group = protecting.group_create(**body, by=self.by, declared=declared)
        else:
            group = ProtectionGroup.objects.select_related("site").get(pk=change.of.id)
            self.sites.add(group.site_id)
            group = protecting.group_update(
                group=group, changes=body, by=self.by, expected_version=change.of.version, declared=declared
            )  # fmt: skip
        self.sites.add(group.site_id)
        if change.of is None or any(one["path"] in ("site", "servers", "tag_selector") for one in change.differences):
            self.groups[group.pk] = change

    def _site_named(self, name: str) -> Site:
        """Read once: sites have been carried out."""
        if not self._sites_by_name:
            self._sites_by_name = {site.name: site for site in Site.objects.visible_to(self.by)}
        if name not in self._sites_by_name:
            raise Missing(f"There is no site “{name}” any more.")
        return self._sites_by_name[name]

    def _plan(self, change: Change, body: dict[str, Any]) -> None:
        declared = self._declared(change)
        plan = None if change.of is None else selectors.plan_get(change.of.id, self.by)
        if plan is not None and plan.archived_at is not None:
            services.plan_unarchive(plan=plan, by=self.by, declared=declared)
        services.plan_save(
            plan=plan,
            document=body,
            by=self.by,
            expected_version=change.of.version if change.of else None,
            declared=declared,
        )

    def _remove(self, change: Change, of: Existing) -> None:
        declared = self._declared(change)
        match change.kind, change.action:
            case Kind.PLAN, Action.ARCHIVE:
                plan = selectors.plan_get(of.id, self.by)
                services.plan_archive(plan=plan, by=self.by, expected_version=of.version, declared=declared)
            case Kind.PLAN, _:
                plan = selectors.plan_get(of.id, self.by)
                services.plan_delete(plan=plan, by=self.by, expected_version=of.version, declared=declared)
            case Kind.GROUP, _:
                group = ProtectionGroup.objects.select_related("site").get(pk=of.id)
                self.sites.add(group.site_id)
                protecting.group_delete(group=group, by=self.by, expected_version=of.version, declared=declared)
            case _:
                site = Site.objects.get(pk=of.id)
                self.sites.discard(site.pk)
                protecting.site_delete(site=site, by=self.by, expected_version=of.version, declared=declared)
