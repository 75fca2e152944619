"""The plan screens. Each view reads through selectors, writes through one service, and shows what that said."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from access import policy
from audit.screens.history import trail_of
from foundation.errors import DomainError, Invalid, Missing, Stale
from foundation.overwriting import asked_version, version_of
from foundation.people import person
from foundation.screens import screen_response
from plans import demands, selectors, services
from plans.core import editing
from plans.core.document import PlanDocument, WaveDocument
from plans.models import Plan
from plans.screens import plan_page
from plans.screens.forms import AgreementForm, PlanForm, StepForm, StepFormSet, WaveForm, plan_initial
from plans.screens.revisions import diff_lines, diff_sentences, newer

_REVISIONS_A_PAGE = 20
_get_or_post = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
def page(request: HttpRequest, plan_id: int) -> HttpResponse:
    """The plan: its board, its picture, what stands between it and a run."""
    policy.require(request.user, "plans.view_plan")
    plan = selectors.plan_get(plan_id)
    return _page(request, plan, AgreementForm(initial={"approvals_required": plan.approvals_required}))


def _page(request: HttpRequest, plan: Plan, agreement: AgreementForm, status: int = 200) -> HttpResponse:
    return screen_response(
        request,
        "admin/plans/plan.html",
        title=plan.name,
        about=plan,
        status=status,
        **plan_page.body(request, plan),
        approvals_in_force=selectors.approvals_in_force(plan),
        agreement_form=agreement if policy.may(request.user, "plans.agree_plan") else None,
        may_delete=policy.may(request.user, "plans.delete_plan"),
        may_drill=policy.may(request.user, "executions.start_drill"),
        may_recover=policy.may(request.user, "executions.start_recovery"),
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
    plan = selectors.plan_get(plan_id)
    form = PlanForm(request.POST or None, initial=plan_initial(selectors.document(plan), plan.version))
    if form.is_valid():
        try:
            expected = version_of(asked_version(form.data))
            plan = services.plan_patch(plan=plan, changes=form.changes(), by=person(request), expected_version=expected)
        except (Invalid, Stale) as error:
            _show_again(form, error, plan)
        else:
            messages.success(request, f"Saved as revision {plan.version}.")
            return redirect("admin:plans_plan_change", plan.pk)
    return screen_response(
        request,
        "admin/plans/settings.html",
        title="Settings",
        about=plan,
        status=409 if form.newer else 200,
        plan=plan,
        form=form,
    )


@_get_or_post
def wave(request: HttpRequest, plan_id: int) -> HttpResponse:
    """A wave and its steps: the one named in `?name=`, or a new one."""
    policy.require(request.user, "plans.change_plan")
    plan = selectors.plan_get(plan_id)
    document = selectors.document(plan)
    name = request.POST.get("replacing", request.GET.get("name", ""))
    position = editing.position_of(document, name)
    wave = document["waves"][position] if position < len(document["waves"]) else None
    if request.method != "POST" and name and wave is None:
        raise Missing(f"Plan “{plan}” has no wave “{name}”.")
    form, steps = _wave_forms(request, plan, document, wave)
    if request.method == "POST" and "add_step" not in request.POST:
        try:
            expected = version_of(asked_version(request.POST))
            if "delete" in request.POST:
                plan = services.wave_delete(plan=plan, name=name, by=person(request), expected_version=expected)
                messages.success(request, f"Wave “{name}” was deleted. Saved as revision {plan.version}.")
                return redirect("admin:plans_plan_change", plan.pk)
            if form.is_valid() and steps.is_valid():
                plan = services.wave_save(
                    plan=plan,
                    wave=form.wave([step.step() for step in steps.kept]),
                    replacing=name or None,
                    by=person(request),
                    expected_version=expected,
                )
                messages.success(request, f"Saved as revision {plan.version}.")
                return redirect("admin:plans_plan_change", plan.pk)
        except (Invalid, Stale) as error:
            _show_again(form, error, plan, steps)
    return screen_response(
        request,
        "admin/plans/wave.html",
        title=name or "New wave",
        about=plan,
        status=409 if form.newer else 200,
        plan=plan,
        wave=wave,
        form=form,
        steps=steps,
    )


@require_safe
def revisions(request: HttpRequest, plan_id: int) -> HttpResponse:
    """Every saved revision: who, when, what changed."""
    policy.require(request.user, "plans.view_planrevision")
    plan = selectors.plan_get(plan_id)
    page = Paginator(selectors.revision_list(plan), _REVISIONS_A_PAGE).get_page(request.GET.get("page"))
    return screen_response(
        request,
        "admin/plans/revisions.html",
        title="Revisions",
        about=plan,
        plan=plan,
        revisions=[(revision, diff_lines(revision.diff), diff_sentences(revision.diff)) for revision in page],
        page=page,
        may_change=policy.may(request.user, "plans.change_plan"),
        trail=trail_of("plan", plan.pk) if policy.may(request.user, "audit.view_event") else "",
    )


@require_POST
def agree(request: HttpRequest, plan_id: int) -> HttpResponse:
    """An approver agrees that recoveries need no more approvals than the plan says."""
    policy.require(request.user, "plans.agree_plan")
    plan = selectors.plan_get(plan_id)
    form = AgreementForm(request.POST)
    if form.is_valid():
        try:
            demands.approvals_agree(plan=plan, by=person(request), **form.cleaned_data)
        except DomainError as error:
            # As it is now, with what was typed.
            plan = selectors.plan_get(plan_id)
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
    plan = selectors.plan_get(plan_id)
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
    plan = selectors.plan_get(plan_id)
    error: DomainError | None = None
    if request.method == "POST":
        try:
            seen = version_of(request.POST.get("version", ""))
            services.plan_delete(plan=plan, by=person(request), expected_version=seen)
        except DomainError as refused:
            error, plan = refused, selectors.plan_get(plan_id)
        else:
            messages.success(request, f"Plan “{plan}” was deleted.")
            return redirect("admin:plans_plan_changelist")
    status = (409 if isinstance(error, Stale) else error.status) if error else 200
    return screen_response(
        request, "admin/plans/delete.html", title="Delete", about=plan, status=status, plan=plan, error=error
    )


def _wave_forms(
    request: HttpRequest, plan: Plan, document: PlanDocument, wave: WaveDocument | None
) -> tuple[WaveForm, Any]:
    used = {name for other in document["waves"] for name in other["protection_groups"]}
    own = wave["protection_groups"] if wave else []
    place = editing.position_of(document, wave["name"] if wave else None)
    spare = [name for name in selectors.group_names().values() if name not in used]
    choices: dict[str, Any] = {
        "waves": [other["name"] for other in document["waves"] if other is not wave],
        "groups": [*own, *sorted(spare)],
        "above": document["waves"][place - 1]["name"] if place else "",
    }
    if request.method != "POST":
        initial = WaveForm.initial_of(wave) if wave else dict(WaveForm.of_new)
        initial |= {"version": plan.version, "replacing": wave["name"] if wave else ""}
        steps = [StepForm.initial_of(step) for step in wave["steps"]] if wave else []
        return WaveForm(initial=initial, **choices), StepFormSet(initial=steps, prefix="steps")
    data = request.POST.copy()
    if "add_step" in data:
        data["steps-TOTAL_FORMS"] = str(version_of(data.get("steps-TOTAL_FORMS", "")) + 1)
    return WaveForm(data, **choices), StepFormSet(data, prefix="steps")


def _show_again(form: Any, error: DomainError, plan: Plan, steps: Any = None) -> None:
    """Keep all input, and show each error at its field, or what has been saved since the form was shown."""
    if isinstance(error, Stale):
        form.newer = newer(selectors.plan_get(plan.pk), version_of(form.data.get("version", "")), error.detail)
        return
    rest = [each for each in error.errors if not (steps is not None and steps.add_domain_error(each.attr, each.detail))]
    if rest or not error.errors:
        form.add_domain_error(Invalid(error.detail, errors=rest))


def _sentences(error: DomainError) -> list[str]:
    return [each.detail for each in error.errors] or [error.detail]
