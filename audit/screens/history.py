"""The history of one thing is its chain, in place of Django's own log, which knows of its own screens alone."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from audit import sight
from foundation.service_admin import OwnAdmin


def trail_of(subject_type: str, subject_id: object) -> str:
    """The address of a chain's page; it is there after its row was deleted, too."""
    asked = urlencode({"subject_type": subject_type, "subject": str(subject_id)})
    return f"{reverse('admin:audit_event_changelist')}?{asked}"


class ChainHistory(OwnAdmin):
    """A `ModelAdmin` whose rows have a chain: `…/history/` leads there, and Django's log is not written."""

    #: What the audit trail calls rows of this kind.
    subject_type: ClassVar[str]

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        try:
            self.opts.pk.to_python(object_id)
        except ValidationError as error:
            raise Http404 from error
        if not request.user.has_perm("audit.view_event"):
            raise PermissionDenied
        chain = self.chain_of(object_id)
        if not sight.may_read(request.user, *chain):
            raise Http404
        return redirect(trail_of(*chain))

    def chain_of(self, object_id: str) -> tuple[str, str]:
        """The type and id by which the audit trail knows the row with this primary key, deleted or not."""
        return self.subject_type, object_id

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        shown = {"show_history": request.user.has_perm("audit.view_event"), **(extra_context or {})}
        return super().changeform_view(request, object_id, form_url, shown)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """The chain has it."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """The chain has it."""

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """The chain has it."""
