"""Django's own change forms, where a thing is a row with fields: saving and deleting go through services (ADR 0026)."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.contrib.admin import SimpleListFilter
from django.contrib.auth.forms import ReadOnlyPasswordHashField
from django.contrib.auth.models import User
from django.core.exceptions import FieldDoesNotExist
from django.db import models, transaction
from django.db.models import QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.admin import ModelAdmin

from foundation.errors import DomainError, Missing, Stale
from foundation.forms import DomainErrorsMixin, json_or_none
from foundation.overwriting import Newer, asked_version, differences, fingerprint, version_of
from foundation.people import person
from foundation.wording import short


class SeenForm(DomainErrorsMixin, forms.ModelForm):
    """A change form that carries what it showed, and saves over nothing newer that its reader has not seen.

    The version is the row's own, or, for a row of a library's model, a fingerprint of what the form shows of it.
    """

    #: The version that the person looked at; empty for a new one.
    expected_version = forms.CharField(widget=forms.HiddenInput, required=False)
    #: What the form showed, as JSON: so that what has changed since can be said.
    shown = forms.CharField(widget=forms.HiddenInput, required=False)

    #: Set where the row has been changed since.
    newer: Newer | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._carry()

    def _carry(self) -> None:
        """Have the form carry what it shows; to be called again by a form that changes its initial values."""
        if self.instance.pk:
            shown = self.shown_values()
            self.initial["shown"] = json.dumps(shown)
            version = getattr(self.instance, "version", None)
            self.initial["expected_version"] = fingerprint(shown) if version is None else str(version)

    def shown_values(self) -> dict[str, Any]:
        """What the form shows of the row, by the labels of its fields, as texts and lists of texts."""
        shown = {}
        for name, field in self.fields.items():
            if name in ("expected_version", "shown") or _is_secret(field):
                continue
            value = field.prepare_value(self.get_initial_for_field(field, name))
            many = isinstance(value, (list, tuple, set, QuerySet))
            shown[str(field.label or name)] = (
                sorted(str(getattr(each, "pk", each)) for each in value) if many else _text(field, value)
            )
        return shown

    def say_newer(self, sentence: str) -> None:
        """Show what has changed since, with a tick to save over it; a second press alone is refused again."""
        newest = type(self)(instance=type(self.instance)._default_manager.get(pk=self.instance.pk))
        before = json_or_none(self.data.get("shown", ""))
        changes = differences(before, newest.shown_values()) if isinstance(before, dict) else ()
        version = str(newest.initial["expected_version"])
        self.newer = Newer(sentence, version, changes, "what is saved now")
        self.add_error(None, "Nothing was saved: see what has changed.")


def _is_secret(field: forms.Field) -> bool:
    """Not for a page's source: passwords, and hashes of them."""
    return isinstance(field, ReadOnlyPasswordHashField) or isinstance(field.widget, forms.PasswordInput)


def _text(field: forms.Field, value: Any) -> str:
    """What the field's reader sees: the name of a choice, not its key."""
    if isinstance(field, forms.ModelChoiceField) and value not in (None, ""):
        found = field.queryset.filter(pk=value).first() if field.queryset is not None else None
        return str(found) if found is not None else str(value)
    return "" if value is None else str(value)


class ServiceForm(SeenForm):
    """A form that a service saves while it is validated, so that what the service refuses is said at its fields."""

    #: Who saves; set by `ServiceAdmin`.
    by: ClassVar[User]

    #: What the service returned.
    saved: models.Model

    def create(self, data: dict[str, Any]) -> models.Model:
        """Have a service make the row. Raises `DomainError`."""
        raise NotImplementedError

    def update(self, data: dict[str, Any], expected_version: int) -> models.Model:
        """Have a service change `self.instance`. Raises `DomainError`."""
        raise NotImplementedError

    def _post_clean(self) -> None:
        """In place of Django's, which writes what was typed into the instance and validates that: the service does."""
        if self.errors:
            return
        data = {name: value for name, value in self.cleaned_data.items() if name not in ("expected_version", "shown")}
        expected = version_of(asked_version(self.data, "expected_version"))
        try:
            with transaction.atomic():
                self.saved = self.update(data, expected) if self.instance.pk else self.create(data)
        except Stale as stale:
            self.say_newer(stale.detail)
        except DomainError as refusal:
            self.add_domain_error(refusal)


class OwnAdmin(ModelAdmin):
    """A `ModelAdmin` that answers 404 for what does not exist, or not for this person."""

    # Django asks whether some row may be changed, whichever it is about: its page would be a form, with all that is for
    # those alone who may change it.
    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, "change", obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, "delete", obj)

    def _may(self, request: HttpRequest, verb: str, obj: Any) -> bool:
        return request.user.has_perm(f"{self.opts.app_label}.{verb}_{self.opts.model_name}", obj)

    #: Columns that a link of ours narrows the list by, beside the filters that it offers.
    linked_by: ClassVar[tuple[str, ...]] = ()

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Django lets an address narrow a list by any column: by the beginning of a secret that no page shows, such as
        the key of a session, and so letter by letter. Here it takes a filter that the list offers."""
        filters = self.get_list_filter(request)
        columns = [each[0] if isinstance(each, (list, tuple)) else each for each in filters if not _is_ours(each)]
        named = any(lookup == each or lookup.startswith(f"{each}{LOOKUP_SEP}") for each in (*columns, *self.linked_by))
        named = named or lookup in {each.parameter_name for each in filters if _is_ours(each)}
        return (named or not self._is_column(lookup.partition(LOOKUP_SEP)[0])) and super().lookup_allowed(
            lookup, value, request
        )

    def _is_column(self, name: str) -> bool:
        try:
            self.opts.get_field(name)
        except FieldDoesNotExist:
            return name == "pk"
        return True

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> HttpResponse:
        """In place of Django's, which leads to the dashboard with a message."""
        raise Missing(f"There is no {opts.verbose_name} “{short(object_id, 60)}”. It may have been deleted.")


def _is_ours(filter: Any) -> bool:
    """Of what `list_filter` has: a class that reads its parameter itself, in place of a column."""
    return isinstance(filter, type) and issubclass(filter, SimpleListFilter)


class SeenAdmin(OwnAdmin):
    """For a `SeenForm`."""

    #: Carries what is no field to look at.
    change_form_before_template = "admin/kit/_version.html"

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        newer = getattr(context["adminform"].form, "newer", None)
        if newer:
            context["errors"] = None  # "correct the errors below" is not what to do
        response = super().render_change_form(request, context, *args, **kwargs)
        if newer:
            response.status_code = 409
        return response


class ServiceAdmin(SeenAdmin):
    """Saves and deletes through services. A refusal loses nothing that was typed and writes nothing."""

    #: Deleting many at once would pass by the service.
    actions: ClassVar[Any] = None
    delete_confirmation_template = "admin/kit/delete.html"

    def service_delete(self, row: Any, by: User, expected_version: int) -> None:
        """Have a service delete the row, unless its version is another than the one that was looked at."""
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
        self.service_delete(obj, person(request), version_of(request.POST.get("version", "")))

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except Missing:
            raise
        except DomainError as refusal:
            messages.error(request, refusal.detail)
            page = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_change"
            return HttpResponseRedirect(reverse(page, args=[object_id]))
