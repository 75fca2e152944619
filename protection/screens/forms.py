"""The forms of protection's pages in the admin. They read what was typed; services say what is wrong with it."""

from __future__ import annotations

from typing import Any, cast
from uuid import uuid4

from django import forms
from django.forms.models import ModelMultipleChoiceField
from django.urls import reverse
from unfold.fields import UnfoldAdminMultipleAutocompleteModelChoiceField
from unfold.widgets import (
    UnfoldAdminMultipleAutocompleteModelChoiceFieldWidget,
    UnfoldAdminTextareaWidget,
)

from foundation.forms import text, tick
from foundation.references import id_of
from foundation.service_admin import ServiceForm
from protection import services
from protection.core.tag_selector import selector_parse, selector_text
from protection.models import ProtectionGroup, Site, SourceServer
from protection.screens.words import known_as


class SiteForm(ServiceForm):
    """A site's account, Region and how it is reached. An external id is written and never shown."""

    external_id = text("External id")
    remove_external_id = tick("Remove the external id")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["external_id"] = ""
        # What the form carries of the row must not hold it either.
        self._carry()
        if self.instance.external_id:
            self.fields["external_id"].help_text = "The site has one. Leave this empty to keep it."
        else:
            self.fields[
                "external_id"
            ].help_text = f"Of the role; not shown again once it is saved. For a new role, take for example {uuid4()}."
        if "region" in self.fields:
            # Text, with the Regions that have DRS to choose from: AWS opens new ones faster than botocore learns them.
            self.fields["region"].widget.attrs["list"] = "regions"

    def create(self, data: dict[str, Any]) -> Site:
        data.pop("remove_external_id", None)
        return services.site_create(**data, by=self.by)

    def update(self, data: dict[str, Any], expected_version: int) -> Site:
        remove = data.pop("remove_external_id", False)
        if not data["external_id"] and not remove:
            del data["external_id"]
        return services.site_update(site=self.instance, changes=data, by=self.by, expected_version=expected_version)


class ServersWidget(UnfoldAdminMultipleAutocompleteModelChoiceFieldWidget):
    """Renders the chosen servers alone; the others come by searching."""

    choices: Any

    def optgroups(self, name: str, value: list[str], attrs: Any = None) -> Any:
        iterator: Any = self.choices
        field: ModelMultipleChoiceField[SourceServer] = iterator.field
        chosen = iterator.queryset.filter(pk__in=[each for each in value if id_of(str(each)) is not None])
        self.choices = [(server.pk, field.label_from_instance(server)) for server in chosen]
        try:
            return super().optgroups(name, value, attrs)
        finally:
            self.choices = iterator


class ServersField(UnfoldAdminMultipleAutocompleteModelChoiceField):
    """Source servers, found by typing a part of their name or id."""

    widget = ServersWidget

    def label_from_instance(self, obj: SourceServer) -> str:
        return server_label(obj)


def server_label(server: SourceServer, *, with_site: bool = True) -> str:
    """What a person picks a server by."""
    name = " · ".join([server.hostname or server.fqdn or "no host name", *known_as(server)])
    return f"{name} · {server.site}" if with_site else name


class ProtectionGroupForm(ServiceForm):
    servers = ServersField(
        url_path="admin:protection_protectiongroup_servers",
        queryset=SourceServer.objects.none(),
        required=False,
        help_text="Selected one by one. Type part of a host name, Name tag or id.",
    )
    tag_selector = forms.CharField(
        required=False,
        strip=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3, "placeholder": "App = shop\nTier = db, cache"}),
        help_text="One line per tag: Key = value, value. A server must have all the tags, each with any of its "
        "values. Put a value in double quotes if it contains a comma.",
    )

    class Meta:
        model = ProtectionGroup
        fields = ["name", "site", "description"]
        widgets = {"description": UnfoldAdminTextareaWidget(attrs={"rows": 2})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        group: ProtectionGroup = self.instance
        servers = SourceServer.objects.visible_to(self.by).select_related("site").by_name()
        # Who may only look has no fields.
        for name, rows in (("site", Site.objects.visible_to(self.by)), ("servers", servers)):
            if name in self.fields:
                cast("forms.ModelChoiceField[Any]", self.fields[name]).queryset = rows
        self.initial["tag_selector"] = selector_text(group.tag_selector)
        if group.pk:
            chosen = (
                SourceServer.objects.visible_to(self.by)
                .at(group.site_id)
                .filter(source_server_id__in=group.explicit_servers)
            )
            self.initial["servers"] = [server.pk for server in chosen]
            url = reverse("admin:protection_protectiongroup_servers")
            self.fields["servers"].widget.attrs["data-ajax--url"] = f"{url}?site={group.site_id}"
            self._carry()

    def clean_servers(self) -> list[str]:
        """Source server ids. Those that stood here stay in their order, so that saving them again changes nothing."""
        chosen = [server.source_server_id for server in self.cleaned_data["servers"]]
        before = [server_id for server_id in self.instance.explicit_servers if server_id in chosen]
        return list(dict.fromkeys([*before, *chosen]))

    def clean_tag_selector(self) -> dict[str, list[str]]:
        try:
            return selector_parse(self.cleaned_data["tag_selector"])
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error

    def create(self, data: dict[str, Any]) -> ProtectionGroup:
        return services.group_create(**data, by=self.by)

    def update(self, data: dict[str, Any], expected_version: int) -> ProtectionGroup:
        return services.group_update(group=self.instance, changes=data, by=self.by, expected_version=expected_version)
