"""The pages of executions. No rule is here: selectors read, presenters decide how it is shown, services act."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_http_methods, require_safe

from access import policy
from executions import selectors
from executions.core.states import ExecutionKind
from executions.engine.forecasting import calibration_of, plan_forecast
from executions.models import Execution
from executions.screens.basis_card import basis_card
from executions.screens.execution_page import execution_page
from executions.screens.forecasts.card import forecast_card
from executions.screens.forms import ApprovalForm, CommandForm, StartForm, WaveCommandForm
from executions.screens.monitor.reading import monitor_rows
from executions.screens.parts import to_approve, to_retry, to_skip
from executions.screens.renewal.live import live_parts
from executions.screens.renewal.saying import say
from executions.screens.renewal.standing import execution_row, is_requester
from executions.screens.selectors import execution_rows, inventory_servers
from executions.screens.stake import StakeCard, acknowledged_card, stake_card
from executions.screens.start_page import start_page
from executions.services import controlling, starting
from executions.services.basis import basis_changes, basis_list, basis_of_plan, problem_findings
from executions.services.commands import APPROVE, COMMANDS, RETRY, SKIP, Command, commands_for
from executions.services.stake import acknowledged_of, may_replace, stake_now
from foundation.errors import Conflict, DomainError, Missing
from foundation.live import LivePage, SharedPages, live_response, renewed
from foundation.people import person
from foundation.screens import screen_response
from plans import readiness
from plans.models import Plan
from plans.selectors import blueprint, plan_get

#: htmx stops to poll when it gets this status.
_STOP_POLLING = 286


# --- one execution ------------------------------------------------------------------------------------------------


@require_safe
def page(request: HttpRequest, execution_id: str) -> HttpResponse:
    """The execution as it stands; the page then polls `fragment`."""
    policy.require(request.user, "executions.view_execution")
    shown = _look(request, execution_id, execution_row(selectors.execution_id_of(execution_id)))
    execution = shown.context["execution"]
    title = capfirst(str(execution))
    whole = shown.whole(request)
    return screen_response(request, "admin/executions/execution.html", title=title, about=execution, **whole)


@require_safe
@renewed(execution_row)
@gzip_page  # nothing secret is in it, and no token
def fragment(request: HttpRequest, execution_id: UUID) -> HttpResponse:
    """What of the page has changed. Status 286, which ends the polling, once the execution is over."""
    policy.require(request.user, "executions.view_execution")
    row = execution_row(execution_id)
    # Readers with the same rights are offered the same, but for the one who requested it.
    of = (row, policy.rights_of(request.user), is_requester(row, request.user), _kept(request))
    shown = _shared.get(of, partial(_look, request, execution_id, row))
    return live_response(request, "admin/executions/_execution.html", shown)


_shared = SharedPages()


def _look(request: HttpRequest, execution_id: UUID | str, row: Any) -> LivePage:
    """`row` was read before: what changes in between moves it, so that the next renewal looks again."""
    context = _execution_context(request, execution_id)
    renews = context["page"].refresh_seconds
    return LivePage(
        root=(context["query"], renews, context["execution"].pk, context["page"].groups),
        parts=live_parts(context),
        context=context,
        status=200 if renews else _STOP_POLLING,
        row=row,
    )


def _kept(request: HttpRequest) -> dict[str, str]:
    """Which page of it is looked at."""
    return {name: request.GET[name] for name in ("wave", "page", "events") if name in request.GET}


def _execution_context(request: HttpRequest, execution_id: UUID | str) -> dict[str, Any]:
    rows = execution_rows(selectors.execution_get(execution_id, request.user), _number(request, "events") or 1)
    wave = _number(request, "wave")
    facts = rows.facts()
    offered = commands_for(facts, person(request))
    may_approve = APPROVE in offered
    shown = execution_page(
        rows,
        monitor_rows(rows, request.user),
        timezone.now(),
        facts=facts,
        offered=[one.name for one in offered],
        wave=wave,
        page=_number(request, "page") or 1,
    )
    # What a need has a button for has no second one.
    pressed = {move.command for need in shown.needs for move in need.moves}
    return {
        "execution": rows.execution,
        "bases": basis_list(rows.execution),
        "page": shown,
        "say": say(rows.execution, rows.waves, rows.steps, shown.failures, shown.headline, may_approve=may_approve),
        "stake": acknowledged_card(rows.execution, timezone.now()),
        "commands": [one for one in offered if not one.of_wave and one.name not in pressed],
        "step_commands": [one for one in offered if one.of_step],
        "may_retry": RETRY in offered,
        "may_skip": SKIP in offered,
        "evidence": _evidence(request, rows.execution),
        "query": urlencode(_kept(request)),
        # The part that each group of waves begins and ends with.
        "group_begins": {f"wave-{group.positions[0]}": group.title for group in shown.groups},
        "group_ends": {f"wave-{group.positions[-1]}" for group in shown.groups},
    }


def _evidence(request: HttpRequest, execution: Execution) -> list[tuple[str, str, str]]:
    """What is kept of it for an auditor, and what this reader may add: the page, its icon and what it is called."""
    pages = [
        ("reports_report", "description", "Report", True),
        ("reports_compare_pick", "compare_arrows", "Compare", execution.started_at is not None),
        ("reports_note", "edit_note", "Add a note", policy.may(request.user, "reports.add_note", on=execution)),
        (
            "reports_validated", "task_alt", "The application works",
            execution.started_at is not None and policy.may(request.user, "reports.validate_execution", on=execution),
        ),
    ]  # fmt: skip
    return [(f"admin:{page}", icon, label) for page, icon, label, offered in pages if offered]


@require_http_methods(["GET", "HEAD", "POST"])
def command(request: HttpRequest, execution_id: str, name: str) -> HttpResponse:
    """Ask for a comment, and for what it is done to; then do it."""
    if name not in COMMANDS:
        raise Missing(f"There is no command “{name}”.")
    chosen = COMMANDS[name]
    execution = selectors.execution_get(execution_id, request.user)
    policy.require(request.user, chosen.permission, on=execution)
    wave = request.GET.get("wave", "") if chosen.of_wave else ""
    stake = _stake_of_retry(execution, wave) if chosen is RETRY else None
    form = _command_form(request, chosen, execution, wave, stake)
    status = 200
    if request.method == "POST":
        status = 400
        try:
            form.check_seen(form.scene)
            if form.is_valid():
                still = partial(_check_seen, form, chosen, wave)
                chosen.act(execution=execution, by=person(request), precondition=still, **form.asked())
                messages.success(request, chosen.done)
                return redirect(_back(request, execution))
        except DomainError as error:
            execution = selectors.execution_get(execution_id, request.user)
            form = _command_form(request, chosen, execution, wave, stake)
            _show_basis(form, chosen, execution, wave, request.user)
            form.show_again(error)
            status = error.status
    else:
        _show_basis(form, chosen, execution, wave, request.user)
    return screen_response(
        request,
        "admin/executions/command.html",
        title=f"{chosen.label}: {execution}",
        about=execution,
        status=status,
        command=chosen,
        execution=execution,
        form=form,
        back=_back(request, execution),
        stake=stake or acknowledged_card(execution, timezone.now()),
        others=stake is not None and not may_replace(request.user, execution),
    )


def _stake_of_retry(execution: Execution, wave_name: str) -> StakeCard | None:
    """What the retry of everything that failed in the wave would delete."""
    wave = execution.waves.filter(name=wave_name).first()
    if wave is None:
        return None
    servers = controlling.launched_by_retry(execution, wave, None, None)
    return stake_card(stake_now(servers, already=acknowledged_of(execution)), timezone.now())


def _show_basis(form: CommandForm, chosen: Command, execution: Execution, wave: str, by: policy.Person) -> None:
    """What the press rests on now. DRS is asked, so not where the press itself asks it."""
    shown = chosen.basis(execution, by, wave) if chosen.basis else None
    if shown is not None:
        form.show_basis(basis_card(shown, basis_changes(execution, shown)))


def _check_seen(form: CommandForm, chosen: Command, wave: str, current: Execution) -> None:
    form.check_seen(chosen.scene(current, wave))


def _command_form(
    request: HttpRequest, chosen: Command, execution: Execution, wave_name: str, stake: StakeCard | None
) -> CommandForm:
    data = request.POST if request.method == "POST" else None
    rows = execution_rows(execution)
    given: dict[str, Any] = {
        "needs_comment": chosen.needs_comment,
        "scene": chosen.scene(execution, wave_name),
        "launches": chosen.basis is not None,
    }
    if chosen.of_step:
        step = request.GET.get("step", "")
        return ApprovalForm(data, steps=to_approve(rows.waves, rows.steps), chosen=step, **given)
    if not chosen.of_wave:
        return CommandForm(data, **given)
    wave = next((wave for wave in rows.waves if wave.name == wave_name), None)
    if wave is None:
        raise Missing(f"There is no wave “{wave_name}” in the {rows.execution}.")
    parts_of = to_retry if chosen.name == RETRY.name else to_skip
    parts = parts_of(wave.name, rows.servers.get(wave.pk, ()), rows.steps.get(wave.pk, ()))
    ticks = stake.lines if stake and may_replace(request.user, execution) else ()
    return WaveCommandForm(data, parts=parts, stake=ticks, **given)


# --- starting -----------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def start(request: HttpRequest, plan_id: int) -> HttpResponse:
    """What would launch, and the button that launches it. `?kind=recovery` is the real thing."""
    kind = _kind(request)
    policy.require(request.user, f"executions.start_{kind}")
    plan = plan_get(plan_id, request.user)
    policy.require(request.user, f"executions.start_{kind}", on=plan)
    glass = kind is ExecutionKind.RECOVERY and policy.may(request.user, "executions.break_glass", on=plan)
    frozen = blueprint(plan)
    findings = readiness.evaluate(plan, request.user)
    rests_on = basis_of_plan(plan, kind, blueprint=frozen, findings=findings)
    stake = stake_card(stake_now(frozen.servers), timezone.now())
    form = StartForm(
        request.POST if request.method == "POST" else None,
        kind=kind,
        plan=plan,
        may_break_glass=glass,
        stake=stake.lines if stake and may_replace(request.user, plan) else (),
        seen=rests_on.seen,
    )
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                return redirect(_address(_start_once(form, plan, kind, person(request))))
            except DomainError as error:
                form.show_again(rests_on.seen, plan)
                form.add_domain_error(error)
                status = error.status
    found = plan_forecast(frozen)
    shown = start_page(
        frozen,
        kind,
        findings=[*findings, *rests_on.look.findings, *problem_findings(rests_on)],
        inventory=inventory_servers({(one.site_id, one.source_server_id) for one in frozen.servers}),
        active=selectors.active_execution(plan),
        now=timezone.now(),
        may_break_glass=glass,
        stake=stake,
        forecast=forecast_card(found, plan.rto_target_seconds, calibration_of(plan.pk)) if found else None,
    )
    return screen_response(
        request,
        "admin/executions/start.html",
        title=shown.title,
        about=plan,
        status=status,
        page=shown,
        plan=plan,
        real=kind is ExecutionKind.RECOVERY,
        kind=kind,
        form=form,
        may_change=policy.may(request.user, "plans.change_plan", on=plan),
    )


def _start_once(form: StartForm, plan: Plan, kind: ExecutionKind, by: User) -> Execution:
    """A form that is sent again, by a double click or by going back, leads to what it has started already."""
    since = form.first_shown_at()
    if since and (earlier := selectors.started_since(plan, kind, by, since)):
        return earlier
    try:
        return starting.execution_start(plan=plan, kind=kind, by=by, **form.asked())
    except Conflict:
        if since and (earlier := selectors.started_since(plan, kind, by, since)):
            return earlier
        raise


def _kind(request: HttpRequest) -> ExecutionKind:
    asked = request.GET.get("kind", ExecutionKind.DRILL)
    if asked not in set(ExecutionKind):
        raise Missing(f"The kind must be drill or recovery, not “{asked}”.")
    return ExecutionKind(asked)


# --- common -------------------------------------------------------------------------------------------------------


def _address(execution: Execution) -> str:
    return reverse("admin:executions_execution_change", args=[execution.pk])


def _back(request: HttpRequest, execution: Execution) -> str:
    """The page from which the command was chosen."""
    return reverse("admin:approvals") if request.GET.get("from") == "approvals" else _address(execution)


def _number(request: HttpRequest, name: str) -> int | None:
    """A small whole number of the address; None for anything else."""
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else None
