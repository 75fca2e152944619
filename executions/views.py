"""The pages of executions. No rule is here: selectors read, `presentation` says how it is shown, services act."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import HttpResponseClientRefresh

from access import policy
from executions import selectors_screens as selectors
from executions import services
from executions.core.states import Kind
from executions.forms import StartForm, VerbForm, WaveVerbForm
from executions.models import Execution
from executions.presentation.dashboard import dashboard, running_cards
from executions.presentation.execution import execution_page
from executions.presentation.parts import to_retry, to_skip
from executions.presentation.start import start_page
from executions.verbs import RETRY, SKIP, VERBS, Facts, Verb, verbs_for
from foundation.errors import Conflict, DomainError, Missing
from plans import readiness
from plans.models import Plan
from plans.selectors import blueprint, plan_named

View = Callable[..., HttpResponse]

#: htmx stops to poll when it gets this status.
_STOP_POLLING = 286


def told(view: View) -> View:
    """A domain error becomes a page with its sentence."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except DomainError as error:
            return _page(request, "problem", title=error.title, status=error.status, detail=error.detail)

    return wrapped


def live(view: View) -> View:
    """For fragments: where the session is over, the whole page is loaded again, which leads to the sign-in page."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not admin.site.has_permission(request):
            return HttpResponseClientRefresh()
        return view(request, *args, **kwargs)

    return wrapped


# --- one execution ------------------------------------------------------------------------------------------------


@require_safe
@told
def page(request: HttpRequest, execution_id: str) -> HttpResponse:
    """The execution as it stands; the page then polls `fragment`."""
    context = _execution_context(request, execution_id)
    return _page(request, "execution", title=context["page"].title, **context)


@require_safe
@told
def fragment(request: HttpRequest, execution_id: str) -> HttpResponse:
    """What of the page changes. Status 286, which ends the polling, once the execution is over."""
    context = _execution_context(request, execution_id)
    status = 200 if context["page"].refresh_seconds else _STOP_POLLING
    return TemplateResponse(request, "admin/executions/_execution.html", context, status=status)


def _execution_context(request: HttpRequest, execution_id: str) -> dict[str, Any]:
    policy.require(request.user, "executions.view_execution")
    rows = selectors.execution_rows(selectors.execution_find(execution_id), _number(request, "events") or 1)
    wave = _number(request, "wave")
    shown = execution_page(rows, timezone.now(), wave=wave, page=_number(request, "page") or 1)
    offered = verbs_for(_facts(rows), _person(request))
    kept = {name: request.GET[name] for name in ("wave", "page", "events") if name in request.GET}
    return {
        "page": shown,
        "verbs": [one for one in offered if not one.of_wave],
        "may_retry": RETRY in offered,
        "may_skip": SKIP in offered,
        "query": urlencode(kept),
    }


def _facts(rows: selectors.ExecutionRows) -> Facts:
    servers = [server for servers in rows.servers.values() for server in servers]
    return Facts.of(rows.execution, servers, [step for steps in rows.steps.values() for step in steps])


@require_http_methods(["GET", "HEAD", "POST"])
@told
def verb(request: HttpRequest, execution_id: str, name: str) -> HttpResponse:
    """Ask for a comment, and for what it is done to; then do it."""
    if name not in VERBS:
        raise Missing(f"Nothing can be done with an execution that is called “{name}”.")
    chosen = VERBS[name]
    policy.require(request.user, chosen.permission)
    rows = selectors.execution_rows(selectors.execution_find(execution_id))
    form = _verb_form(request, chosen, rows)
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                chosen.act(rows.execution, by=_person(request), **form.asked())
            except DomainError as error:
                form.take(error)
                status = error.status
            else:
                messages.success(request, chosen.done)
                return redirect(_address(rows.execution))
    title = f"{chosen.label}: {rows.execution}"
    return _page(request, "verb", title=title, status=status, verb=chosen, execution=rows.execution, form=form)


def _verb_form(request: HttpRequest, chosen: Verb, rows: selectors.ExecutionRows) -> VerbForm:
    data = request.POST if request.method == "POST" else None
    if not chosen.of_wave:
        return VerbForm(data)
    name = request.GET.get("wave", "")
    wave = next((wave for wave in rows.waves if wave.name == name), None)
    if wave is None:
        raise Missing(f"There is no wave “{name}” in the {rows.execution}.")
    parts_of = to_retry if chosen is RETRY else to_skip
    parts = parts_of(wave.name, rows.servers.get(wave.pk, ()), rows.steps.get(wave.pk, ()))
    return WaveVerbForm(data, parts=parts)


# --- starting -----------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@told
def start(request: HttpRequest, plan_id: int) -> HttpResponse:
    """What would launch, and the button that launches it. `?kind=recovery` is the real thing."""
    kind = _kind(request)
    policy.require(request.user, f"executions.start_{kind}")
    plan = plan_named(plan_id)
    glass = kind is Kind.RECOVERY and policy.may(request.user, "executions.break_glass")
    form = StartForm(request.POST if request.method == "POST" else None, kind=kind, may_break_glass=glass)
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                return redirect(_address(_start_once(form, plan, kind, _person(request))))
            except DomainError as error:
                form.take(error)
                status = error.status
    frozen = blueprint(plan)
    shown = start_page(
        frozen,
        kind,
        findings=readiness.evaluate(plan),
        mirrored=selectors.mirrored_servers({(one.site_id, one.source_server_id) for one in frozen.servers}),
        active=selectors.active_execution(plan),
        now=timezone.now(),
        may_break_glass=glass,
    )
    return _page(request, "start", title=shown.title, status=status, page=shown, form=form)


def _start_once(form: StartForm, plan: Plan, kind: Kind, by: User) -> Execution:
    """A form that is sent again, by a double click or by going back, leads to what it has started already."""
    since = form.first_shown_at()
    if since and (earlier := selectors.started_since(plan, kind, by, since)):
        return earlier
    try:
        return services.execution_start(plan=plan, kind=kind, by=by, **form.asked())
    except Conflict:
        if since and (earlier := selectors.started_since(plan, kind, by, since)):
            return earlier
        raise


def _kind(request: HttpRequest) -> Kind:
    asked = request.GET.get("kind", Kind.DRILL)
    if asked not in set(Kind):
        raise Missing(f"A kind of execution is drill or recovery, not “{asked}”.")
    return Kind(asked)


# --- the dashboard ------------------------------------------------------------------------------------------------


def dashboard_context(request: HttpRequest) -> dict[str, Any]:
    """What the landing page shows."""
    shown = dashboard(
        selectors.running(),
        selectors.plan_results(),
        selectors.site_health(),
        groups_exist=selectors.has_protection_groups(),
        halted=selectors.halted_servers(),
        rights=policy.permissions_of(request.user),
        now=timezone.now(),
    )
    return {
        "page": shown,
        "running": shown.running,
        "may_start": policy.may(request.user, "executions.start_drill"),
    }


@require_safe
def running(request: HttpRequest) -> HttpResponse:
    """The dashboard's fragment of what runs now."""
    policy.require(request.user, "executions.view_execution")
    cards = running_cards(selectors.running(), timezone.now())
    return TemplateResponse(request, "admin/executions/_running.html", {"running": cards})


# --- common -------------------------------------------------------------------------------------------------------


def _page(request: HttpRequest, name: str, *, title: str, status: int = 200, **context: Any) -> HttpResponse:
    shown = {**admin.site.each_context(request), "title": title, **context}
    return TemplateResponse(request, f"admin/executions/{name}.html", shown, status=status)


def _address(execution: Execution) -> str:
    return reverse("admin:executions_execution_change", args=[execution.pk])


def _person(request: HttpRequest) -> User:
    """Who asks; the admin site lets no stranger come this far."""
    return cast("User", request.user)


def _number(request: HttpRequest, name: str) -> int | None:
    """A small whole number of the address; None for anything else."""
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else None
