"""Django's own change forms, where a thing is a row with fields: saving and deleting go through services (ADR 0026)."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.admin import ModelAdmin

from foundation.errors import DomainError, Stale
from foundation.forms import DomainErrorsMixin
from foundation.people import person


class ServiceForm(DomainErrorsMixin, forms.ModelForm):
    """A form that a service saves while it is validated, so that what the service refuses is said at its fields."""

    #: Who saves; set by `ServiceAdmin`.
    by: ClassVar[User]

    #: The version that the person looked at; empty for a new one.
    expected_version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    #: What the service returned.
    saved: models.Model

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["expected_version"] = self.instance.version

    def create(self, data: dict[str, Any]) -> models.Model:
        """Have a service make the row. Raises `DomainError`."""
        raise NotImplementedError

    def update(self, data: dict[str, Any], expected_version: int | None) -> models.Model:
        """Have a service change `self.instance`. Raises `DomainError`."""
        raise NotImplementedError

    def _post_clean(self) -> None:
        """In place of Django's, which writes what was typed into the instance and validates that: the service does."""
        if self.errors:
            return
        data = dict(self.cleaned_data)
        expected_version = data.pop("expected_version")
        try:
            with transaction.atomic():
                self.saved = self.update(data, expected_version) if self.instance.pk else self.create(data)
        except DomainError as refusal:
            self.add_domain_error(refusal)
            if isinstance(refusal, Stale):
                self._take_over()

    def _take_over(self) -> None:
        """The error says that someone else changed it; what is typed here may overwrite that now."""
        self.add_error(None, "Your input is still here: save again to overwrite the newer version.")
        newest = type(self.instance)._default_manager.filter(pk=self.instance.pk).values_list("version", flat=True)
        posted: Any = self.data
        self.data = posted = posted.copy()
        posted["expected_version"] = newest.get()


class ServiceAdmin(ModelAdmin):
    """Saves and deletes through services. A refusal loses nothing that was typed and writes nothing."""

    #: Deleting many at once would pass by the service.
    actions = None
    #: Carries `expected_version`, which is no field to look at.
    change_form_before_template = "admin/kit/_version.html"

    def service_delete(self, row: Any, request: HttpRequest) -> None:
        raise NotImplementedError

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        form.by = person(request)
        return form

    def save_model(self, request: HttpRequest, obj: models.Model, form: Any, change: bool) -> None:
        """The form has saved it."""
        obj.pk = form.saved.pk
        obj.refresh_from_db()

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Only the thing itself is listed: what may keep it from being deleted is the service's to say."""
        return [str(row) for row in objs], {str(self.opts.verbose_name_plural): len(objs)}, set(), []

    def delete_model(self, request: HttpRequest, obj: models.Model) -> None:
        self.service_delete(obj, request)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except DomainError as refusal:
            messages.error(request, refusal.detail)
            page = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_change"
            return HttpResponseRedirect(reverse(page, args=[object_id]))
