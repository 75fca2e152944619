"""What the history is narrowed to, as a form; and the name it is saved under."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar, Final

from django import forms
from django.db.models import QuerySet
from django.http import QueryDict
from django.urls import reverse
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from access.policy import Person
from executions.core.periods import PERIODS, period
from executions.core.states import CleanupStatus, ExecutionKind, ExecutionStatus
from executions.history import narrowing
from executions.history.narrowing import Did, Someone, Targets
from executions.models import Execution
from executions.screens.history.columns import COLUMNS, DEFAULT
from executions.screens.words import cleanup_badge, execution_badge
from executions.services.saved_filters import SavedFilter
from foundation.errors import Missing
from foundation.forms import DomainErrorsMixin, offer, text, tick, ticks
from plans.models import Plan
from protection.models import Site

#: As it is said of someone above the list.
_BY: Final = {
    "": "Person",
    Did.REQUESTED: "Requested by",
    Did.APPROVED: "Approved by",
    Did.REJECTED: "Rejected by",
    Did.BREAK_GLASS: "Break-glass used by",
    Did.REVIEWED: "Reviewed by",
}
_DID: Final = {
    Did.ANYTHING: "Anything",
    Did.REQUESTED: "Requested it",
    Did.APPROVED: "Approved it, or a step of it",
    Did.REJECTED: "Rejected it, or a step of it",
    Did.BREAK_GLASS: "Used break-glass",
    Did.REVIEWED: "Reviewed it",
}
#: What of the address is not a filter, and is kept beside them.
KEPT: Final = ("q", "o")


def _select(label: str, choices: Any, gone: str = "") -> forms.ChoiceField:
    field = forms.ChoiceField(label=label, required=False, choices=choices, widget=UnfoldAdminSelectWidget)
    if gone:
        field.error_messages["invalid_choice"] = gone
    return field


def _any(choices: Iterable[tuple[str, str]], empty: str = "Any") -> list[tuple[str, str]]:
    return [("", empty), *choices]


def _named(rows: QuerySet[Any]) -> list[tuple[str, str]]:
    return _any((str(pk), name) for pk, name in rows.order_by("name").values_list("pk", "name"))


def _cleanups() -> list[tuple[str, str]]:
    badges = [(status.value, cleanup_badge(status)) for status in CleanupStatus]
    return _any((status, badge.text.capitalize() if badge else "None requested") for status, badge in badges)


def _day(label: str) -> forms.DateField:
    return forms.DateField(
        label=label,
        required=False,
        widget=UnfoldAdminTextInputWidget({"type": "date"}),
        error_messages={"invalid": "Enter a date, such as 2026-11-23."},
    )


class HistoryForm(forms.Form):
    """Nothing entered is everything."""

    plan = _select("Plan", (), "This plan is no longer there. Choose another one.")
    kind = _select("Kind", _any((kind.value, kind.value.capitalize()) for kind in ExecutionKind))
    status = _select(
        "Result", _any((status.value, execution_badge(status).text.capitalize()) for status in ExecutionStatus)
    )
    person = text(
        "Person", max_length=150, attrs={"list": "history-people", "autocomplete": "off", "spellcheck": "false"}
    )
    did = _select("What they did", _any([(did.value, words) for did, words in _DID.items() if did != Did.ANYTHING],
                              _DID[Did.ANYTHING]))  # fmt: skip
    site = _select("Site", (), "This site is no longer there. Choose another one.")
    within = _select("Requested", _any(PERIODS.items(), "At any time"))
    since = _day("From (UTC)")
    until = _day("To, inclusive (UTC)")
    targets = _select("RTO and RPO", _any([(Targets.MET, "Targets met"), (Targets.MISSED, "A target missed")]))
    cleanup_status = _select("Clean-up", _cleanups)
    break_glass = _select("Break-glass", _any([("true", "Used"), ("false", "Not used")]))
    columns = ticks("Columns", choices=list(COLUMNS.items()), initial=list(DEFAULT))

    filters_known: ClassVar[tuple[str, ...]]

    #: Who is meant by `person`.
    someone: Someone | None = None

    def __init__(self, address: QueryDict, now: datetime, by: Person) -> None:
        self.now = now
        asked = address.copy()
        if not asked.getlist("columns"):
            asked.setlist("columns", list(DEFAULT))
        # An address and a saved filter name a person by their id; people do by their name.
        if reference := asked.get("person", "").strip():
            try:
                self.someone = narrowing.person_get(reference, by)
            except Missing:
                self.someone = None
            else:
                asked["person"] = self.someone.name
        super().__init__(asked, auto_id="history-%s")
        # Archived ones, too: they were run.
        plans, sites = Plan.objects.visible_to(by), Site.objects.visible_to(by)
        for name, rows in (("plan", plans), ("site", sites)):
            offer(self, name, lambda rows=rows: _named(rows))
        suggested = {"hx-get": reverse("admin:executions_execution_people"), "hx-trigger": "input changed delay:200ms"}
        self.fields["person"].widget.attrs |= {**suggested, "hx-target": "#history-people", "hx-swap": "innerHTML"}
        self.full_clean()

    def clean_person(self) -> str:
        name: str = self.cleaned_data["person"]
        if name and self.someone is None:
            raise forms.ValidationError(f"There is no user “{name}”, and no execution names one. Enter a user name.")
        return name

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("did") and not cleaned.get("person") and "person" not in self.errors:
            self.add_error("person", "Enter whose name to look for.")
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and until < since:
            self.add_error("until", "This is before the day it begins with.")
        return cleaned

    @property
    def filters(self) -> list[str]:
        """The fields that something was asked for in."""
        return [name for name in self.filters_known if self.data.get(name)]

    @property
    def words(self) -> list[tuple[str, str]]:
        """What was asked for, and is understood, as it is said above the list."""
        return list(self._words())

    def _words(self) -> Iterable[tuple[str, str]]:
        for name in self.filters:
            value = self.cleaned_data.get(name)
            if name == "did" or not value:
                continue
            field = self.fields[name]
            if name == "person":
                yield _BY[self.cleaned_data.get("did", "")], str(value)
            elif isinstance(value, date):
                yield {"since": "From", "until": "To"}[name], f"{value:%-d %b %Y}"
            elif isinstance(field, forms.ChoiceField):
                known: Any = field.choices
                yield str(field.label), str(dict(known).get(value, value))

    @property
    def main(self) -> list[forms.BoundField]:
        return [field for field in self if field.name != "columns"]

    def query(self, address: QueryDict) -> QueryDict:
        """The address in its one form, as it is saved: nothing empty, a person by their id, no page."""
        kept = QueryDict(mutable=True)
        for name in (*self.fields, *KEPT):
            if values := [value for value in address.getlist(name) if value]:
                kept.setlist(name, values)
        if set(kept.getlist("columns")) == set(DEFAULT):
            del kept["columns"]
        if self.someone is not None and self.someone.id is not None:
            kept["person"] = str(self.someone.id)
        return kept

    def narrow(self, rows: QuerySet[Execution]) -> QuerySet[Execution]:
        """What is asked for; nothing while something was entered wrongly, which is said at its field."""
        if self.errors:
            return rows.none()
        asked = {name: value for name, value in self.cleaned_data.items() if value}
        for name in ("kind", "status", "cleanup_status"):
            if name in asked:
                rows = rows.filter(**{name: asked[name]})
        if "plan" in asked:
            rows = rows.filter(plan=int(asked["plan"]))
        if "break_glass" in asked:
            rows = rows.filter(break_glass=asked["break_glass"] == "true")
        if "targets" in asked:
            rows = narrowing.by_targets(rows, asked["targets"])
        if self.someone is not None:
            rows = narrowing.of_person(rows, self.someone, asked.get("did", ""))
        if "site" in asked:
            rows = narrowing.at_site(rows, int(asked["site"]))
        for first, after in self._days(asked):
            if first:
                rows = rows.filter(requested_at__gte=_midnight(first))
            if after:
                rows = rows.filter(requested_at__lt=_midnight(after))
        return rows

    def _days(self, asked: dict[str, Any]) -> Iterable[tuple[date | None, date | None]]:
        """The first days of what is asked for, and the first after."""
        if "within" in asked:
            yield period(asked["within"], self.now.date())
        until = asked.get("until")
        yield asked.get("since"), until + timedelta(days=1) if until and until < date.max else None


HistoryForm.filters_known = tuple(name for name in HistoryForm.base_fields if name != "columns")


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


class SaveForm(DomainErrorsMixin, forms.Form):
    name = text("Name", required=True, max_length=SavedFilter.name.field.max_length, attrs={"autocomplete": "off"})
    is_shared = tick("Share it with everyone")
    query = forms.CharField(widget=forms.HiddenInput, required=False)


@dataclass(frozen=True, slots=True)
class SavedLink:
    """A saved filter above the list."""

    saved: SavedFilter
    address: str
    #: Whose it is, where it is not the reader's own.
    owner: str
    is_current: bool
    may_delete: bool
