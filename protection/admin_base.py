"""What the admin's pages of protection share: saving and deleting go through services."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin

from foundation.errors import DomainError, Stale
from foundation.wording import Badge


def badge(shown: Badge) -> SafeString:
    """The badge as every screen draws it."""
    return render_to_string("admin/protection/_badge.html", {"badge": shown})


class ServiceForm(forms.ModelForm):
    """A form that is saved by a service, which may refuse it: its sentences appear at their fields."""

    #: Set by `ServiceAdmin` when the service has refused what this form holds.
    refusal: ClassVar[DomainError | None] = None

    #: The version that the person looked at; empty for a new one.
    expected_version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["expected_version"] = self.instance.version

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.refusal is not None:
            for error in self.refusal.errors:
                self.add_error(error.attr if error.attr in self.fields else None, error.detail)
            if not self.refusal.errors:
                self.add_error(None, self.refusal.detail)
            if isinstance(self.refusal, Stale):
                self._take_over()
        return cleaned

    def _take_over(self) -> None:
        """Somebody else's change was shown by the sentence; what is typed here may be saved over it now."""
        self.add_error(None, "Saving again puts what stands here in its place.")
        newest = type(self.instance)._default_manager.filter(pk=self.instance.pk).values_list("version", flat=True)
        posted: Any = self.data
        self.data = posted = posted.copy()
        posted["expected_version"] = newest.get()


class ServiceAdmin(ModelAdmin):
    """Saves and deletes through services. A refusal loses nothing that was typed and writes nothing."""

    class Media:
        css = {"all": ["drsorch/protection.css"]}

    #: Deleting many at once would pass by the service.
    actions = None
    #: Carries `expected_version`, which is no field to look at.
    change_form_before_template = "admin/protection/_version.html"

    def service_create(self, data: dict[str, Any], request: HttpRequest) -> models.Model:
        raise NotImplementedError

    def service_update(
        self, row: Any, data: dict[str, Any], expected_version: int | None, request: HttpRequest
    ) -> models.Model:
        raise NotImplementedError

    def service_delete(self, row: Any, request: HttpRequest) -> None:
        raise NotImplementedError

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except DomainError as refusal:
            # The transaction is rolled back. The same form once more, which now knows what is wrong with it.
            request.refusal = refusal  # type: ignore[attr-defined]
            return super().changeform_view(request, *args, **kwargs)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        return type(form.__name__, (form,), {"refusal": getattr(request, "refusal", None)})

    def save_model(self, request: HttpRequest, obj: models.Model, form: Any, change: bool) -> None:
        data = dict(form.cleaned_data)
        expected_version = data.pop("expected_version")
        if change:
            saved = self.service_update(obj, data, expected_version, request)
        else:
            saved = self.service_create(data, request)
        obj.pk = saved.pk
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
