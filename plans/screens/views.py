"""The plan screens. Each view reads through selectors, writes through one service, and shows what that said."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from access import policy
from audit.screens.history import trail_of
from foundation.errors import Conflict, DomainError, Invalid, Missing, Stale
from foundation.files.yaml_text import MEDIA_TYPE, written
from foundation.overwriting import version_of
from foundation.people import person
from foundation.protectors import protectors
from foundation.screens import screen_response
from foundation.wording import listing
from plans import demands, selectors, services, uses
from plans.clashing import Clashing
from plans.core import editing
from plans.core.document import PlanDocument, WaveDocument
from plans.core.purpose import purpose_of
from plans.models import Plan
from plans.screens import plan_page
from plans.screens.board import deleted_group, group_cards
from plans.screens.clash import choices_of, clash_card
from plans.screens.forms import (
    AgreementForm,
    CompareForm,
    CopyForm,
    PlanForm,
    StepForm,
    StepFormSet,
    WaveForm,
    plan_initial,
)
from plans.screens.importing import ImportForm, preview, sentences
from plans.screens.purpose import purpose_lines
from plans.screens.revisions import comparison, diff_lines, diff_sentences
from plans.screens.runbook import runbook as book_of
from plans.screens.words import variable_lines

_REVISIONS_A_PAGE = 20
_get_or_post = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
def page(request: HttpRequest, plan_id: int) -> HttpResponse:
    """The plan: its board, its picture, what stands between it and a run."""
    policy.require(request.user, "plans.view_plan")
    plan = selectors.plan_get(plan_id, request.user)
    return _page(request, plan, AgreementForm(initial={"approvals_required": plan.approvals_required}))


@require_safe
def runbook(request: HttpRequest, plan_id: int) -> HttpResponse:
    """The plan to print, with what to do by hand if drsorch is down."""
    policy.require(request.user, "plans.view_plan")
    plan = selectors.plan_get(plan_id, request.user)
    context = {
        "plan": plan,
        "revision": selectors.revision_newest(plan),
        "book": book_of(plan),
        "purpose": purpose_lines(purpose_of(plan)),
        "now": timezone.now(),
        "printed_by": person(request).get_username(),
    }
    return TemplateResponse(request, "admin/plans/runbook.html", context)


@require_safe
def export(request: HttpRequest, plan_id: int) -> HttpResponse:
    """The plan as a YAML file: what `PUT` takes, and the import."""
    policy.require(request.user, "plans.view_plan")
    plan = selectors.plan_get(plan_id, request.user)
    file = HttpResponse(written(selectors.document(plan)), content_type=f"{MEDIA_TYPE}; charset=utf-8")
    file["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=f"{plan.name}.yaml") or ""
    return file


@_get_or_post
def import_text(request: HttpRequest, plan_id: int | None = None) -> HttpResponse:
    """A plan from YAML, or a new one: what the text changes is shown first, and what was shown is what is applied."""
    policy.require(request.user, "plans.add_plan" if plan_id is None else "plans.change_plan")
    plan = None if plan_id is None else selectors.plan_get(plan_id, request.user)
    initial = {"text": written(selectors.document(plan))} if plan else {}
    form = ImportForm(request.POST or None, request.FILES or None, initial=initial)
    found, errors, overtaken = None, list[str](), ""
    if request.method == "POST" and form.is_valid():
        text, shown = form.cleaned_data["text"], form.cleaned_data["shown"]
        try:
            found = preview(plan, text, person(request))
            if "apply" in request.POST and found.digest == shown:
                saved = services.plan_save(
                    plan=plan,
                    document=found.document,
                    by=person(request),
                    expected_version=version_of(form.cleaned_data["version"]) if plan else None,
                )
                messages.success(
                    request, f"Plan “{saved}” was created." if plan is None else _saved(saved, saved.version)
                )
                return redirect("admin:plans_plan_change", saved.pk)
        except Stale as error:
            overtaken, plan = f"{error.detail} Nothing was applied.", selectors.plan_get(plan_id or 0, request.user)
            found = preview(plan, text, person(request))
        except (Invalid, Conflict) as error:
            found, errors = None, sentences(error)
        form.data = {
            "text": text, "version": str(plan.version) if plan else "", "shown": found.digest if found else ""
        }  # fmt: skip
    return screen_response(
        request,
        "admin/plans/import.html",
        title="Import from YAML",
        about=plan or Plan,
        status=409 if overtaken else 400 if errors else 200,
        plan=plan,
        form=form,
        found=found,
        errors=errors,
        overtaken=overtaken,
    )


@_get_or_post
def copy(request: HttpRequest, plan_id: int) -> HttpResponse:
    """A new plan like this one, under another name."""
    policy.require(request.user, "plans.add_plan")
    plan = selectors.plan_get(plan_id, request.user)
    form = CopyForm(request.POST or None, initial={"name": f"{plan.name[:93]} (copy)"})
    if form.is_valid():
        try:
            made = services.plan_copy(plan=plan, name=form.cleaned_data["name"], by=person(request))
        except Invalid as error:
            form.add_domain_error(error)
        else:
            messages.success(request, f"Plan “{made}” was created as a copy of “{plan}”.")
            return redirect("admin:plans_plan_change", made.pk)
    groups = [name for wave in selectors.document(plan)["waves"] for name in wave["protection_groups"]]
    return screen_response(
        request, "admin/plans/copy.html", title="Copy", about=plan, plan=plan, form=form, groups=listing(groups, 10)
    )


@_get_or_post
def archive(request: HttpRequest, plan_id: int) -> HttpResponse:
    """Asks once, then archives the plan, or takes it out of the archive."""
    policy.require(request.user, "plans.archive_plan")
    plan = selectors.plan_get(plan_id, request.user)
    error: DomainError | None = None
    if request.method == "POST":
        change = services.plan_archive if request.POST.get("archived") == "1" else services.plan_unarchive
        try:
            plan = change(plan=plan, by=person(request))
        except DomainError as refused:
            error = refused
        else:
            messages.success(request, f"Plan “{plan}” was {'archived' if plan.archived_at else 'unarchived'}.")
            return redirect("admin:plans_plan_change", plan.pk)
    status = error.status if error else 200
    return screen_response(
        request, "admin/plans/archive.html", title="Archive", about=plan, status=status, plan=plan, error=error
    )


def _page(request: HttpRequest, plan: Plan, agreement: AgreementForm, status: int = 200) -> HttpResponse:
    in_use = plan.archived_at is None
    return screen_response(
        request,
        "admin/plans/plan.html",
        title=plan.name,
        about=plan,
        status=status,
        **plan_page.body(request, plan),
        purpose=purpose_lines(purpose_of(plan)),
        approvals_in_force=selectors.approvals_in_force(plan),
        agreement_form=agreement if policy.may(request.user, "plans.agree_plan", on=plan) else None,
        may_copy=policy.may(request.user, "plans.add_plan", sites=plan.touched.sites),
        may_archive=policy.may(request.user, "plans.archive_plan", on=plan),
        # What was run is evidence: there is no button that could only refuse.
        may_delete=policy.may(request.user, "plans.delete_plan", on=plan) and not protectors(plan, 1),
        # As on the dashboard: a drill would delete what runs.
        may_drill=in_use and plan.recovered_by is None and policy.may(request.user, "executions.start_drill", on=plan),
        may_recover=in_use and policy.may(request.user, "executions.start_recovery", on=plan),
    )


@_get_or_post
def add(request: HttpRequest) -> HttpResponse:
    """A new plan, without waves: they are added on its page."""
    policy.require(request.user, "plans.add_plan")
    form = PlanForm(request.POST or None, initial={"approvals_required": 1})
    form.fields["name"].widget.attrs["autofocus"] = True
    if form.is_valid():
        try:
            plan = services.plan_save(document=form.changes(), by=person(request))
        except Invalid as error:
            form.add_domain_error(error)
        else:
            messages.success(request, f"Plan “{plan}” was created. Add its first wave.")
            return redirect("admin:plans_plan_change", plan.pk)
    return screen_response(request, "admin/plans/settings.html", title="New recovery plan", about=Plan, form=form)


@_get_or_post
def settings(request: HttpRequest, plan_id: int) -> HttpResponse:
    """What a plan is beside its waves."""
    policy.require(request.user, "plans.change_plan")
    plan = selectors.plan_get(plan_id, request.user)
    form, status = PlanForm(request.POST or None, initial=plan_initial(selectors.document(plan), plan.version)), 200
    if form.is_valid():
        seen = version_of(form.data.get("version", ""))
        try:
            plan = services.plan_patch(
                plan=plan,
                changes=form.changes(),
                by=person(request),
                expected_version=seen,
                choices=choices_of(request.POST),
            )
        except Clashing as error:
            form, status = PlanForm(initial=plan_initial(error.merged.document, seen)), 409
            form.clash = clash_card(error)
        except (Invalid, Stale) as error:
            _show_again(form, error)
            status = 409 if isinstance(error, Stale) else 200
        else:
            messages.success(request, _saved(plan, seen))
            return redirect("admin:plans_plan_change", plan.pk)
    return screen_response(
        request,
        "admin/plans/settings.html",
        title="Settings",
        about=plan,
        status=status,
        plan=plan,
        form=form,
    )


@_get_or_post
def wave(request: HttpRequest, plan_id: int) -> HttpResponse:
    """A wave and its steps: the one named in `?name=`, or a new one."""
    policy.require(request.user, "plans.change_plan")
    plan = selectors.plan_get(plan_id, request.user)
    document, status = selectors.document(plan), 200
    if request.method != "POST":
        name = request.GET.get("name", "")
        wave = editing.wave_named(document, name)
        if name and wave is None:
            raise Missing(f"Plan “{plan}” has no wave “{name}”.")
        form, steps = _wave_forms(plan, document, wave, person(request), version=plan.version, replacing=name)
    else:
        name = request.POST.get("replacing", "")
        form, steps = _wave_forms_sent(request, plan, document, editing.wave_named(document, name))
        if "add_step" not in request.POST:
            try:
                if saved := _wave_saved(request, plan, name, form, steps):
                    return saved
            except Clashing as error:
                (form, steps), status = _wave_forms_merged(plan, error, form, steps, person(request)), 409
            except (Invalid, Stale) as error:
                _show_again(form, error, steps)
                status = 409 if isinstance(error, Stale) else 200
    return screen_response(
        request,
        "admin/plans/wave.html",
        title=name or "New wave",
        about=plan,
        status=status,
        plan=plan,
        form=form,
        steps=steps,
        variables=variable_lines(selectors.example_server(plan)),
    )


def _wave_saved(request: HttpRequest, plan: Plan, name: str, form: WaveForm, steps: Any) -> HttpResponse | None:
    """Save the wave, or take it out; None if what was typed is not complete."""
    seen = version_of(request.POST.get("version", ""))
    asked: Any = {"by": person(request), "expected_version": seen, "choices": choices_of(request.POST)}
    if "delete" in request.POST:
        plan = services.wave_delete(plan=plan, name=name, **asked)
        messages.success(request, f"Wave “{name}” was deleted. {_saved(plan, seen)}")
    elif form.is_valid() and steps.is_valid():
        wave = form.wave([step.step() for step in steps.kept])
        plan = services.wave_save(plan=plan, wave=wave, replacing=name or None, **asked)
        messages.success(request, _saved(plan, seen))
    else:
        return None
    return redirect("admin:plans_plan_change", plan.pk)


@require_safe
def revisions(request: HttpRequest, plan_id: int) -> HttpResponse:
    """Every saved revision: who, when, what changed."""
    policy.require(request.user, "plans.view_planrevision")
    plan = selectors.plan_get(plan_id, request.user)
    page = Paginator(selectors.revision_list(plan, request.user), _REVISIONS_A_PAGE).get_page(request.GET.get("page"))
    proofs = _proofs(request, plan, [revision.number for revision in page])
    return screen_response(
        request,
        "admin/plans/revisions.html",
        title="Revisions",
        about=plan,
        plan=plan,
        revisions=[
            (revision, diff_lines(revision.diff), diff_sentences(revision.diff), proofs.get(revision.number))
            for revision in page
        ],
        form=CompareForm(initial=_newest_two(plan)),
        page=page,
        may_change=plan.archived_at is None and policy.may(request.user, "plans.change_plan", on=plan),
        trail=trail_of("plan", plan.pk) if policy.may(request.user, "audit.view_event") else "",
    )


@require_safe
def compare(request: HttpRequest, plan_id: int) -> HttpResponse:
    """What changed from the revision of the plan in `?older=` to the one in `?newer=`; without these, to the newest."""
    policy.require(request.user, "plans.view_planrevision")
    plan = selectors.plan_get(plan_id, request.user)
    form, found = CompareForm(request.GET or _newest_two(plan)), None
    if form.is_valid():
        try:
            found = comparison(
                *(selectors.revision_get(plan, form.cleaned_data[name], request.user) for name in ("older", "newer"))
            )
        except Missing as error:
            form.add_domain_error(error)
    sides = [found.older, found.newer] if found else []
    proofs = _proofs(request, plan, [revision.number for revision in sides])
    return screen_response(
        request,
        "admin/plans/compare.html",
        title="Compare revisions",
        about=plan,
        status=200 if found else 400,
        plan=plan,
        form=form,
        found=found,
        sides=[(revision, proofs.get(revision.number)) for revision in sides],
    )


def _newest_two(plan: Plan) -> dict[str, int]:
    return {"older": max(1, plan.version - 1), "newer": plan.version}


def _proofs(request: HttpRequest, plan: Plan, numbers: list[int]) -> dict[int, uses.Proof]:
    return uses.proofs_of(plan.pk, numbers, request.user)


@require_POST
def agree(request: HttpRequest, plan_id: int) -> HttpResponse:
    """An approver agrees that recoveries need no more approvals than the plan says."""
    policy.require(request.user, "plans.agree_plan")
    plan = selectors.plan_get(plan_id, request.user)
    form = AgreementForm(request.POST)
    if form.is_valid():
        try:
            demands.approvals_agree(plan=plan, by=person(request), **form.cleaned_data)
        except DomainError as error:
            # As it is now, with what was typed.
            plan = selectors.plan_get(plan_id, request.user)
            form = AgreementForm({**request.POST.dict(), "approvals_required": plan.approvals_required})
            form.add_domain_error(error)
            return _page(request, plan, form, status=error.status)
        messages.success(request, "You have agreed to fewer approvals.")
        return redirect("admin:plans_plan_change", plan.pk)
    return _page(request, plan, form, status=400)


@require_POST
def restore(request: HttpRequest, plan_id: int, number: int) -> HttpResponse:
    """Save the plan as an earlier revision had it."""
    policy.require(request.user, "plans.change_plan")
    plan = selectors.plan_get(plan_id, request.user)
    try:
        version = version_of(request.POST.get("version", ""))
        plan = services.revision_restore(plan=plan, number=number, by=person(request), expected_version=version)
    except (Invalid, Stale) as error:
        for sentence in _sentences(error):
            messages.error(request, sentence)
        return redirect("admin:plans_plan_history", plan.pk)
    messages.success(request, f"Revision {number} was restored. Saved as revision {plan.version}.")
    return redirect("admin:plans_plan_change", plan.pk)


@_get_or_post
def delete(request: HttpRequest, plan_id: int) -> HttpResponse:
    """Asks once, then deletes."""
    policy.require(request.user, "plans.delete_plan")
    plan = selectors.plan_get(plan_id, request.user)
    error: DomainError | None = None
    if request.method == "POST":
        try:
            seen = version_of(request.POST.get("version", ""))
            services.plan_delete(plan=plan, by=person(request), expected_version=seen)
        except DomainError as refused:
            error, plan = refused, selectors.plan_get(plan_id, request.user)
        else:
            messages.success(request, f"Plan “{plan}” was deleted.")
            return redirect("admin:plans_plan_changelist")
    status = (409 if isinstance(error, Stale) else error.status) if error else 200
    return screen_response(
        request, "admin/plans/delete.html", title="Delete", about=plan, status=status, plan=plan, error=error
    )


def _wave_forms(
    plan: Plan, document: PlanDocument, wave: WaveDocument | None, by: User, *, version: int, replacing: str
) -> tuple[WaveForm, Any]:
    """The form of a wave of the document, or of a new one."""
    initial = WaveForm.initial_of(wave) if wave else dict(WaveForm.of_new)
    initial |= {"version": version, "replacing": replacing}
    steps = [StepForm.initial_of(step) for step in wave["steps"]] if wave else []
    return WaveForm(initial=initial, **_choices(plan, document, wave, by)), StepFormSet(initial=steps, prefix="steps")


def _wave_forms_sent(
    request: HttpRequest, plan: Plan, document: PlanDocument, wave: WaveDocument | None
) -> tuple[WaveForm, Any]:
    data = request.POST.copy()
    adds = "add_step" in data
    if adds:
        data["steps-TOTAL_FORMS"] = str(version_of(data.get("steps-TOTAL_FORMS", "")) + 1)
    steps = StepFormSet(data, prefix="steps")
    if adds and steps.forms:
        steps.forms[-1] = _blank_step(steps)
    return WaveForm(data, **_choices(plan, document, wave, person(request))), steps


def _blank_step(steps: Any) -> StepForm:
    """The last one, to be filled in: nothing is wrong with it yet."""
    step = StepForm(prefix=steps.forms[-1].prefix)
    steps.add_fields(step, None)
    step.fields["name"].widget.attrs["autofocus"] = True
    return step


def _wave_forms_merged(plan: Plan, error: Clashing, form: WaveForm, steps: Any, by: User) -> tuple[WaveForm, Any]:
    """What goes together of both people's changes, and the caller's side where they clash."""
    document, name = error.merged.document, str(form["name"].value() or "")
    version, replacing = version_of(form.data.get("version", "")), str(form.data.get("replacing", ""))
    wave = editing.wave_named(document, name)
    if wave is not None and "delete" not in form.data:
        form, steps = _wave_forms(plan, document, wave, by, version=version, replacing=replacing)
    form.clash = clash_card(error)
    return form, steps


def _choices(plan: Plan, document: PlanDocument, wave: WaveDocument | None, by: User) -> dict[str, Any]:
    """What the form of a wave offers: the other waves, the groups that are in none of them, and what stands above."""
    used = {name for other in document["waves"] for name in other["protection_groups"]}
    own = wave["protection_groups"] if wave else []
    place = editing.position_of(document, wave["name"] if wave else None)
    cards = group_cards(plan, by)
    offered = [*own, *(name for name in cards if name not in used)]
    return {
        "waves": [other["name"] for other in document["waves"] if other is not wave],
        "groups": {name: cards.get(name) or deleted_group(name) for name in offered},
        "above": document["waves"][place - 1]["name"] if place else "",
    }


def _saved(plan: Plan, seen: int) -> str:
    """How a change went that began from revision `seen`."""
    if plan.version - seen > 1:
        return f"Saved as revision {plan.version}, together with what was saved since revision {seen}."
    return f"Saved as revision {plan.version}."


def _show_again(form: Any, error: DomainError, steps: Any = None) -> None:
    """Keep all input, and show each error at its field."""
    rest = [each for each in error.errors if not (steps is not None and steps.add_domain_error(each.attr, each.detail))]
    if rest or not error.errors:
        form.add_domain_error(Invalid(error.detail, errors=rest))


def _sentences(error: DomainError) -> list[str]:
    return [each.detail for each in error.errors] or [error.detail]
