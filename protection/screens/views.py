"""The parts of protection's pages that are no forms: buttons, what renews itself, what is asked of DRS."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from access import policy
from foundation.errors import DomainError, Invalid, Unavailable
from foundation.people import person
from foundation.references import id_of
from protection import selectors, services
from protection.connection import site_try
from protection.core.tag_selector import selector_parse, selector_problem
from protection.models import ProtectionGroup, Site, SourceServer
from protection.screens.forms import server_label
from protection.screens.panels import points_panel, selection_panel, site_panel
from protection.screens.words import NOT_TRIED, TRY_FAILED, tried
from protection.selection import selection_try


@require_POST
def site_sync(request: HttpRequest, site_id: int) -> HttpResponse:
    """The button: have a worker mirror the inventory now."""
    site = selectors.site_get(str(site_id), request.user)
    policy.require(request.user, "protection.sync_site", on=site)
    try:
        services.site_sync_request(site=site, by=person(request))
        messages.success(request, f"The inventory of “{site}” is being synced.")
    except DomainError as error:
        messages.error(request, error.detail)
    if request.POST.get("from") == "list":
        return redirect("admin:protection_site_changelist")
    return redirect("admin:protection_site_change", site_id)


@require_POST
def site_tried(request: HttpRequest, site_id: int | None = None) -> HttpResponse:
    """The button in a site's form: asks DRS with what is typed there, and saves nothing."""
    site = selectors.site_get(str(site_id), request.user) if site_id is not None else Site()
    saved = (site.role_arn, site.endpoint_url)
    for name in ("name", "account_id", "region", "role_arn", "endpoint_url"):
        setattr(site, name, request.POST.get(name, "").strip())
    # An empty field keeps the one that is saved, which goes nowhere that it was not saved for: trying leaves no record.
    if request.POST.get("remove_external_id") or (site.role_arn, site.endpoint_url) != saved:
        site.external_id = ""
    site.external_id = request.POST.get("external_id", "").strip() or site.external_id
    try:
        badge, sentences = tried(site_try(site=site, by=person(request)))
    except Invalid as error:
        badge, sentences = NOT_TRIED, [each.detail for each in error.errors]
    except Unavailable as error:
        badge, sentences = TRY_FAILED, [error.detail]
    return render(request, "admin/protection/_site_tried.html", {"badge": badge, "sentences": sentences})


@require_safe
def site_template(request: HttpRequest) -> HttpResponse:
    """The CloudFormation template of the role that drsorch assumes in an account."""
    policy.require(request.user, "protection.view_site")
    template = settings.BASE_DIR / "deploy" / "aws" / "site-role.yaml"
    named = 'attachment; filename="drsorch-site-role.yaml"'
    return HttpResponse(template.read_text(), content_type="application/yaml", headers={"Content-Disposition": named})


@require_safe
def site_state(request: HttpRequest, site_id: int) -> HttpResponse:
    """The part of a page that renews itself while a sync runs."""
    policy.require(request.user, "protection.view_site")
    full_for = request.user if request.GET.get("full") == "1" else None
    panel = site_panel(selectors.site_get(str(site_id), request.user), timezone.now(), full_for=full_for)
    return render(request, "admin/protection/_site_state.html", panel)


@require_safe
def server_points(request: HttpRequest, server_id: int) -> HttpResponse:
    """The part of a server's page that asks DRS, when somebody wants to know."""
    policy.require(request.user, "protection.view_sourceserver")
    server = selectors.server_get(str(server_id), request.user)
    return render(request, "admin/protection/_points.html", points_panel(server, person(request), timezone.now()))


@require_safe
def server_search(request: HttpRequest) -> HttpResponse:
    """What the field of servers finds, in the form of its select2: `?term=…&page=…`, in one site with `&site=`."""
    policy.require(request.user, "protection.view_sourceserver")
    rows = selectors.server_list(request.user).matching(request.GET.get("term", ""))
    site_id = id_of(request.GET.get("site", ""))
    if site_id is not None:
        rows = rows.at(site_id)
    page = Paginator(rows, 20).get_page(request.GET.get("page"))
    results = [{"id": str(server.pk), "text": server_label(server)} for server in page]
    return JsonResponse({"results": results, "pagination": {"more": page.has_next()}})


@require_POST
def group_selection(request: HttpRequest, group_id: int | None = None) -> HttpResponse:
    """Beside a protection group's form: the servers that it selects as it is typed there. Nothing is saved."""
    policy.require(
        request.user, "protection.add_protectiongroup" if group_id is None else "protection.change_protectiongroup"
    )
    group = selectors.group_get(str(group_id), request.user) if group_id is not None else ProtectionGroup()
    site_id = id_of(request.POST.get("site", ""))
    site = None if site_id is None else Site.objects.visible_to(request.user).filter(pk=site_id).first()
    picked = [pk for each in request.POST.getlist("servers") if (pk := id_of(each)) is not None]
    try:
        selector = selector_parse(request.POST.get("tag_selector", ""))
        problem = selector_problem(selector)
    except ValueError as error:
        selector, problem = {}, str(error)
    panel: dict[str, object] = {"problems": [problem] if problem else []}
    if site is not None and not problem and (selector or picked):
        group.site, group.tag_selector = site, selector
        chosen = SourceServer.objects.visible_to(request.user).filter(pk__in=picked)
        group.explicit_servers = list(chosen.values_list("source_server_id", flat=True))
        panel = selection_panel(selection_try(group=group, by=person(request)), group)
    return render(request, "admin/protection/_selection.html", {**panel, "site": site})
