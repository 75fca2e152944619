"""What the list of executions offers beside itself: a file of it, names of people, and filters under a name."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from access import policy
from executions.history import exporting, narrowing
from executions.screens.history.forms import HistoryForm
from executions.screens.history.listing import SAVED, HistoryList
from executions.services import saved_filters
from foundation.errors import DomainError, Invalid
from foundation.files.downloads import csv_download
from foundation.people import person

#: So many names are suggested.
_SUGGESTED = 12


@require_safe
def export(request: HttpRequest, model_admin: Any) -> HttpResponseBase:
    """Everything that the list of this address shows on all of its pages, in its order, as CSV."""
    policy.require(request.user, "executions.view_execution")
    listed: HistoryList = model_admin.get_changelist_instance(request)
    if wrong := listed.form.errors:
        raise Invalid(f"The file was not made: {' '.join(str(error) for errors in wrong.values() for error in errors)}")
    return csv_download(
        exporting.export_name(timezone.now()), exporting.COLUMNS, exporting.export_rows(listed.queryset)
    )


@require_safe
def people(request: HttpRequest) -> HttpResponse:
    """Who has done something of an execution and is called like what was typed, as options."""
    policy.require(request.user, "executions.view_execution")
    found = narrowing.people_like(request.GET.get("person", "").strip()[:150], _SUGGESTED, request.user)
    return TemplateResponse(request, "admin/executions/history/_people.html", {"people": found})


@require_http_methods(["GET", "HEAD", "POST"])
def save(request: HttpRequest) -> HttpResponse:
    """Keep an address of the list under a name. A GET, as after signing in anew, leads to the list."""
    if request.method != "POST":
        return _to_the_list("")
    policy.require(request.user, "executions.view_execution")
    asked = QueryDict(request.POST.get("query", ""))
    query = HistoryForm(asked, timezone.now(), request.user).query(asked).urlencode()
    try:
        saved = saved_filters.saved_filter_save(
            name=request.POST.get("name", ""),
            query=query,
            is_shared="is_shared" in request.POST,
            by=person(request),
        )
    except DomainError as refusal:
        messages.error(request, f"The filter was not saved: {refusal.detail}")
        return _to_the_list(query)
    messages.success(request, f"Saved as “{saved.name}”.")
    return _to_the_list(f"{saved.query}&{SAVED}={saved.pk}" if saved.query else f"{SAVED}={saved.pk}")


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, number: int) -> HttpResponse:
    """Forget a saved filter; what it found is still shown. A GET leads to the list."""
    if request.method != "POST":
        return _to_the_list("")
    by = person(request)
    policy.require(by, "executions.view_execution")
    saved = saved_filters.saved_filter_get(number, by)
    saved_filters.saved_filter_delete(saved=saved, by=by)
    messages.success(request, f"The saved filter “{saved.name}” was deleted.")
    return _to_the_list(saved.query)


def _to_the_list(query: str) -> HttpResponse:
    address = reverse("admin:executions_execution_changelist")
    return HttpResponseRedirect(f"{address}?{query}" if query else address)
