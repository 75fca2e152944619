"""The pages of executions. No rule is here: selectors read, presenters decide how it is shown, services act."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.views.decorators.http import require_http_methods, require_safe

from access import policy
from executions import selectors
from executions.core.states import ExecutionKind
from executions.models import Execution
from executions.screens.execution_page import execution_page
from executions.screens.forms import CommandForm, StartForm, WaveCommandForm
from executions.screens.parts import to_retry, to_skip
from executions.screens.selectors import ExecutionRows, execution_rows, inventory_servers
from executions.screens.stake import StakeCard, acknowledged_card, stake_card
from executions.screens.start_page import start_page
from executions.services import controlling, starting
from executions.services.commands import COMMANDS, RETRY, SKIP, Command, Facts, commands_for
from executions.services.stake import acknowledged_of, stake_now
from foundation.errors import Conflict, DomainError, Missing
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
    context = _execution_context(request, execution_id)
    execution = context["execution"]
    title = capfirst(str(execution))
    return screen_response(request, "admin/executions/execution.html", title=title, about=execution, **context)


@require_safe
def fragment(request: HttpRequest, execution_id: str) -> HttpResponse:
    """What of the page changes. Status 286, which ends the polling, once the execution is over."""
    context = _execution_context(request, execution_id)
    status = 200 if context["page"].refresh_seconds else _STOP_POLLING
    return TemplateResponse(request, "admin/executions/_execution.html", context, status=status)


def _execution_context(request: HttpRequest, execution_id: str) -> dict[str, Any]:
    policy.require(request.user, "executions.view_execution")
    rows = execution_rows(selectors.execution_get(execution_id), _number(request, "events") or 1)
    wave = _number(request, "wave")
    shown = execution_page(rows, timezone.now(), wave=wave, page=_number(request, "page") or 1)
    offered = commands_for(_facts(rows), person(request))
    kept = {name: request.GET[name] for name in ("wave", "page", "events") if name in request.GET}
    return {
        "execution": rows.execution,
        "page": shown,
        "stake": acknowledged_card(rows.execution, timezone.now()),
        "commands": [one for one in offered if not one.of_wave],
        "may_retry": RETRY in offered,
        "may_skip": SKIP in offered,
        "query": urlencode(kept),
    }


def _facts(rows: ExecutionRows) -> Facts:
    servers = [server for servers in rows.servers.values() for server in servers]
    return Facts.of(rows.execution, servers, [step for steps in rows.steps.values() for step in steps])


@require_http_methods(["GET", "HEAD", "POST"])
def command(request: HttpRequest, execution_id: str, name: str) -> HttpResponse:
    """Ask for a comment, and for what it is done to; then do it."""
    if name not in COMMANDS:
        raise Missing(f"There is no command “{name}”.")
    chosen = COMMANDS[name]
    policy.require(request.user, chosen.permission)
    rows = execution_rows(selectors.execution_get(execution_id))
    stake = _stake_of_retry(request, rows) if chosen is RETRY else None
    form = _command_form(request, chosen, rows, stake)
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                chosen.act(execution=rows.execution, by=person(request), **form.asked())
            except DomainError as error:
                form.add_domain_error(error)
                status = error.status
            else:
                messages.success(request, chosen.done)
                return redirect(_address(rows.execution))
    return screen_response(
        request,
        "admin/executions/command.html",
        title=f"{chosen.label}: {rows.execution}",
        about=rows.execution,
        status=status,
        command=chosen,
        execution=rows.execution,
        form=form,
        stake=stake or acknowledged_card(rows.execution, timezone.now()),
    )


def _stake_of_retry(request: HttpRequest, rows: ExecutionRows) -> StakeCard | None:
    """What the retry of everything that failed in the wave would delete."""
    wave = next((wave for wave in rows.waves if wave.name == request.GET.get("wave", "")), None)
    if wave is None:
        return None
    servers = controlling.launched_by_retry(rows.execution, wave, None, None)
    return stake_card(stake_now(servers, already=acknowledged_of(rows.execution)), timezone.now())


def _command_form(request: HttpRequest, chosen: Command, rows: ExecutionRows, stake: StakeCard | None) -> CommandForm:
    data = request.POST if request.method == "POST" else None
    if not chosen.of_wave:
        return CommandForm(data, needs_comment=chosen.needs_comment)
    name = request.GET.get("wave", "")
    wave = next((wave for wave in rows.waves if wave.name == name), None)
    if wave is None:
        raise Missing(f"There is no wave “{name}” in the {rows.execution}.")
    parts_of = to_retry if chosen is RETRY else to_skip
    parts = parts_of(wave.name, rows.servers.get(wave.pk, ()), rows.steps.get(wave.pk, ()))
    return WaveCommandForm(data, needs_comment=chosen.needs_comment, parts=parts, stake=stake.lines if stake else ())


# --- starting -----------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def start(request: HttpRequest, plan_id: int) -> HttpResponse:
    """What would launch, and the button that launches it. `?kind=recovery` is the real thing."""
    kind = _kind(request)
    policy.require(request.user, f"executions.start_{kind}")
    plan = plan_get(plan_id)
    glass = kind is ExecutionKind.RECOVERY and policy.may(request.user, "executions.break_glass")
    data = request.POST if request.method == "POST" else None
    frozen = blueprint(plan)
    stake = stake_card(stake_now(frozen.servers), timezone.now())
    form = StartForm(
        data,
        kind=kind,
        plan_name=plan.name,
        may_break_glass=glass,
        stake=stake.lines if stake else (),
    )
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                return redirect(_address(_start_once(form, plan, kind, person(request))))
            except DomainError as error:
                form.add_domain_error(error)
                status = error.status
    shown = start_page(
        frozen,
        kind,
        findings=readiness.evaluate(plan),
        inventory=inventory_servers({(one.site_id, one.source_server_id) for one in frozen.servers}),
        active=selectors.active_execution(plan),
        now=timezone.now(),
        may_break_glass=glass,
        stake=stake,
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


def _number(request: HttpRequest, name: str) -> int | None:
    """A small whole number of the address; None for anything else."""
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else None
