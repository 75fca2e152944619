"""The pages of an execution's evidence. No rule is here: services act, the report's own words are shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from access import policy
from access.policy import Person
from executions import selectors as runs
from executions.core.states import EXECUTION_ACTIVE
from executions.models import Execution
from executions.screens.words import execution_badge
from foundation.errors import DomainError, Missing, Stale
from foundation.people import person
from foundation.screens import Pages, screen_response
from foundation.wording import clock_utc
from reports import selectors
from reports.core.notes import TOPICS
from reports.models import Dossier, Finding, SignOff
from reports.reading import report_of
from reports.rendering import FORMS
from reports.rendering.html import page_of
from reports.screens.forms import FindingForm, NoteForm, SignOffForm, ValidatedForm
from reports.screens.words import finding_badge, severity_badge
from reports.services.findings import finding_add, finding_change
from reports.services.notes import note_add, validated_set
from reports.services.signing import sign_off

#: Later runs of the plan that a finding may have been retested by.
_RETESTS = 50


@require_safe
def report(request: HttpRequest, execution_id: UUID) -> HttpResponse:
    """The report of an execution: as it was sealed, or as it stands."""
    policy.require(request.user, "reports.view_report")
    execution = runs.execution_get(execution_id, request.user)
    shown = report_of(execution, _version(request))
    return screen_response(
        request,
        "admin/reports/report.html",
        title=f"Report: {execution}",
        about=execution,
        execution=execution,
        badge=execution_badge(execution.status),
        is_over=execution.status not in EXECUTION_ACTIVE,
        versions=selectors.evidence_of(execution),
        forms=FORMS.values(),
        dossier=Dossier.objects.filter(pk=execution.pk).first(),
        sign_offs=SignOff.objects.filter(execution=execution),
        findings=_lines(selectors.findings(request.user, execution=execution).order_by("pk")),
        notes=[
            (event, TOPICS.get(event.detail["topic"], event.detail["topic"]))
            for event in selectors.notes_events(execution)
        ],
        may=_rights(request, execution),
        **page_of(shown),
    )


@require_safe
def download(request: HttpRequest, execution_id: UUID, form: str) -> HttpResponse:
    """A report in one of its forms, as a file."""
    policy.require(request.user, "reports.view_report")
    if form not in FORMS:
        raise Missing(f"A report has no form “{form}”: it has {', '.join(FORMS)}.")
    chosen = FORMS[form]
    found = report_of(runs.execution_get(execution_id, request.user), _version(request))
    name = f"{found.name}.{chosen.ending}"
    return HttpResponse(
        chosen.make(found),
        content_type=chosen.content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"', "ETag": f'"{found.sha256}-{form}"'},
    )


@require_http_methods(["GET", "HEAD", "POST"])
def note(request: HttpRequest, execution_id: UUID) -> HttpResponse:
    """Write a note."""
    execution = _to_act_on(request, execution_id, "reports.add_note")
    form = NoteForm(request.POST or None)

    def act() -> None:
        note_add(execution=execution, by=person(request), **form.asked())

    return _asked(request, execution, form, act, title="Add a note", done="The note was recorded.", button="Add note")


@require_http_methods(["GET", "HEAD", "POST"])
def validated(request: HttpRequest, execution_id: UUID) -> HttpResponse:
    """Confirm that the application works."""
    execution = _to_act_on(request, execution_id, "reports.validate_execution")
    form = ValidatedForm(request.POST or None)
    said = Dossier.objects.filter(pk=execution.pk, validated_at__isnull=False).first()
    about = (
        f"{said.validated_by_name} confirmed that it works since {clock_utc(said.validated_at)}. Confirming it again "
        "replaces that; the audit trail keeps both."
        if said
        else "The report counts the recovery to this time as well: an application that works, not only servers that "
        "were launched."
    )

    def act() -> None:
        validated_set(execution=execution, by=person(request), **form.cleaned_data)

    return _asked(
        request, execution, form, act, title="The application works", done="Recorded: the application works.",
        button="Confirm", about_text=about,
    )  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
def signing(request: HttpRequest, execution_id: UUID) -> HttpResponse:
    """Sign the newest version of the report."""
    execution = _to_act_on(request, execution_id, "reports.sign_off")
    shown = report_of(execution)
    form = SignOffForm(request.POST or None, initial={"seen": shown.sha256})
    seal = shown.document["seal"]
    about = (
        f"You sign version {seal['version']}, as you can read it on the page of the report. SHA-256: {shown.sha256}."
        if seal
        else "The execution has not ended, so there is nothing to sign yet."
    )

    def act() -> None:
        sign_off(execution=execution, by=person(request), **form.cleaned_data)

    return _asked(
        request, execution, form, act, title="Sign off the report", done="Signed.", button="Sign", about_text=about,
        possible=seal is not None,
    )  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
def add_finding(request: HttpRequest, execution_id: UUID) -> HttpResponse:
    """Add a finding to an execution."""
    execution = _to_act_on(request, execution_id, "reports.add_finding")
    form = FindingForm(request.POST or None)

    def act() -> None:
        finding_add(execution=execution, by=person(request), **form.asked())

    return _asked(
        request, execution, form, act, title="Add a finding", done="The finding was added.", button="Add finding"
    )


@require_http_methods(["GET", "HEAD", "POST"])
def finding(request: HttpRequest, object_id: str) -> HttpResponse:
    """A finding, and the form to work on it for those who may."""
    policy.require(request.user, "reports.view_finding")
    row = selectors.finding_get(object_id, request.user)
    may_change = policy.may(request.user, "reports.change_finding", on=row.execution)
    if request.method == "POST":
        policy.require(request.user, "reports.change_finding", on=row.execution)
    form = FindingForm(request.POST or None, retests=_retests(row, request.user), initial=_initial(row))

    def act() -> None:
        finding_change(
            finding=row, by=person(request), changes=form.asked(), expected_version=form.cleaned_data["version"]
        )

    status = _try(request, form, act)
    overtaken = None
    if status == Stale.status:
        row = selectors.finding_get(object_id, request.user)
        overtaken = form.overtaken(_initial(row))
    if status is None:
        messages.success(request, "The finding was saved.")
        return redirect(reverse("admin:reports_finding_change", args=[row.pk]))
    today = timezone.now().date()
    return screen_response(
        request,
        "admin/reports/finding.html",
        title=row.title,
        about=row,
        status=status,
        finding=row,
        badges=[severity_badge(row), finding_badge(row, today)],
        form=form,
        may_change=may_change,
        overtaken=overtaken,
    )


PAGES: Final[Pages] = (
    ("<uuid:execution_id>/", report, "report"),
    ("<uuid:execution_id>/report.<slug:form>", download, "download"),
    ("<uuid:execution_id>/note/", note, "note"),
    ("<uuid:execution_id>/works/", validated, "validated"),
    ("<uuid:execution_id>/sign/", signing, "sign"),
    ("<uuid:execution_id>/finding/", add_finding, "finding_of"),
)


def _to_act_on(request: HttpRequest, execution_id: UUID, permission: str) -> Execution:
    policy.require(request.user, permission)
    execution = runs.execution_get(execution_id, request.user)
    policy.require(request.user, permission, on=execution)
    return execution


# --- common -------------------------------------------------------------------------------------------------------


def _asked(
    request: HttpRequest,
    execution: Execution,
    form: forms.Form,
    act: Callable[[], None],
    *,
    title: str,
    done: str,
    button: str,
    about_text: str = "",
    possible: bool = True,
) -> HttpResponse:
    """Show a form about an execution, do what is asked in it, and go back to where the reader came from."""
    status = _try(request, form, act)
    back = _back(request, execution)
    if status is None:
        messages.success(request, done)
        return redirect(back)
    return screen_response(
        request, "admin/reports/form.html", title=f"{title}: {execution}", about=execution, status=status, form=form,
        execution=execution, heading=title, button=button, back=back, about_text=about_text, possible=possible,
    )  # fmt: skip


def _try(request: HttpRequest, form: Any, act: Callable[[], None]) -> int | None:
    """None if it was done; else the status of the page that shows the form."""
    if request.method != "POST":
        return 200
    if not form.is_valid():
        return 400
    try:
        act()
    except DomainError as error:
        form.add_domain_error(error)
        return error.status
    return None


def _back(request: HttpRequest, execution: Execution) -> str:
    name = "executions_execution_change" if request.GET.get("from") == "execution" else "reports_report"
    return reverse(f"admin:{name}", args=[execution.pk])


def _version(request: HttpRequest) -> int | None:
    """A small whole number of the address; None for anything else."""
    text = request.GET.get("version", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else None


def _rights(request: HttpRequest, execution: Execution) -> dict[str, bool]:
    names = ("add_note", "validate_execution", "add_finding", "change_finding", "sign_off")
    return {name: policy.may(request.user, f"reports.{name}", on=execution) for name in names}


def _lines(rows: Any) -> list[tuple[Finding, Any, Any]]:
    today = timezone.now().date()
    return [(row, severity_badge(row), finding_badge(row, today)) for row in rows]


def _initial(row: Finding) -> dict[str, Any]:
    names = (
        "version", "title", "severity", "owner", "due_on", "description", "action", "ticket_url", "status",
        "resolution", "reported_on",
    )  # fmt: skip
    return {name: getattr(row, name) for name in names} | {"retest_execution": str(row.retest_execution_id or "")}


def _retests(row: Finding, by: Person) -> list[tuple[str, str]]:
    """Later runs of the plan that are over, the newest first."""
    later = Execution.objects.visible_to(by).over().filter(
        plan=row.execution.plan_id, requested_at__gt=row.execution.requested_at
    ).order_by("-requested_at")[:_RETESTS]  # fmt: skip
    return [
        (str(one.pk), f"{one.kind} of {clock_utc(one.requested_at)}, {execution_badge(one.status).text}")
        for one in later
    ]
