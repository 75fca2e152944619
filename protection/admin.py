"""Sites, source servers and protection groups in the admin."""

from __future__ import annotations

from typing import Any

from botocore.session import get_session
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from access import policy
from audit.screens.history import ChainHistory
from foundation.people import person
from foundation.screens import badge_html
from foundation.service_admin import ServiceAdmin
from foundation.wording import clock_utc, count
from protection import selectors, services
from protection.core.tag_selector import selector_words
from protection.models import KNOWN_BY, ProtectionGroup, Site, SourceServer
from protection.screens import views
from protection.screens.filters import DirectionFilter, GoneFilter, ProtectedFilter, ReplicationFilter
from protection.screens.forms import ProtectionGroupForm, SiteForm
from protection.screens.panels import group_panel, members_sentence, server_panel, site_panel
from protection.screens.words import (
    EMPTY_GROUP,
    IN_TWO_GROUPS,
    REVERSED,
    UNPROTECTED,
    aws_words,
    gibibytes,
    lag_badge,
    server_badge,
)


@admin.register(Site)
class SiteAdmin(ChainHistory, ServiceAdmin):
    subject_type = "site"
    form = SiteForm
    list_display = ("site", "servers", "state")
    list_display_links = ("site",)
    search_fields = ("name", "account_id", "region")
    change_form_outer_before_template = "admin/protection/_site_panel.html"
    change_form_after_template = "admin/protection/_site_try.html"
    fieldsets = ((None, {"fields": ("name", "account_id", "region")}),)

    def service_delete(self, row: Site, by: User, expected_version: int) -> None:
        services.site_delete(site=row, by=by, expected_version=expected_version)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Site]:
        return selectors.site_list(request.user)

    def get_fieldsets(self, request: HttpRequest, obj: Site | None = None) -> Any:
        if obj is not None and not self.has_change_permission(request, obj):
            # Roles are for those who may change them; an external id is for nobody to read.
            return (*self.fieldsets, ("Connection", {"fields": ("endpoint", "job_tags")}))
        remove = ("remove_external_id",) if obj is not None and obj.external_id else ()
        fields = ("role_arn", "external_id", *remove, "endpoint_url", "job_tags")
        return (*self.fieldsets, ("Connection", {"fields": fields}))

    def get_readonly_fields(self, request: HttpRequest, obj: Site | None = None) -> Any:
        return () if obj is None or self.has_change_permission(request, obj) else ("endpoint",)

    @display(description="endpoint URL")
    def endpoint(self, site: Site) -> str:
        return selectors.without_credentials(site.endpoint_url)

    def get_list_display(self, request: HttpRequest) -> Any:
        by = person(request)
        if not policy.may(by, "protection.sync_site"):
            return self.list_display

        @display(description="Sync")
        def sync_button(site: Site) -> SafeString | str:
            may_sync = policy.may(by, "protection.sync_site", on=site)
            return render_to_string("admin/protection/_sync_in_list.html", {"site": site}) if may_sync else ""

        return (*self.list_display, sync_button)

    @display(description="Site", ordering="name", header=True)
    def site(self, site: Site) -> list[str]:
        return [site.name, f"{site.account_id} · {site.region}"]

    @display(description="Source servers", ordering="server_count")
    def servers(self, site: Any) -> int:
        return int(site.server_count)

    @display(description="Inventory")
    def state(self, site: Site) -> SafeString:
        return render_to_string("admin/protection/_site_state.html", site_panel(site, timezone.now()))

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("try/", wrap(views.site_tried), name="protection_site_try_new"),
            path("role-template/", wrap(views.site_template), name="protection_site_template"),
            path("<int:site_id>/try/", wrap(views.site_tried), name="protection_site_try"),
            path("<int:site_id>/sync/", wrap(views.site_sync), name="protection_site_sync"),
            path("<int:site_id>/state/", wrap(views.site_state), name="protection_site_state"),
            *super().get_urls(),
        ]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        site = context.get("original")
        context["regions"] = get_session().get_available_regions("drs")
        if site is not None:
            shown = selectors.site_list(request.user).get(pk=site.pk)
            context |= site_panel(shown, timezone.now(), full_for=request.user)
            context["may_sync"] = policy.may(person(request), "protection.sync_site", on=site)
        return super().render_change_form(request, context, *args, **kwargs)


#: What a source server is known by, and where it belongs.
_IDENTITY = (
    "source_server_id", "hostname", "name", "fqdn", "aws_instance_id", "at_site", "group",
    "membership_conflict",
)  # fmt: skip


@admin.register(SourceServer)
class SourceServerAdmin(ChainHistory, ServiceAdmin):
    """The mirrored inventory: to be looked at, written by syncs alone; what is gone from DRS can be forgotten."""

    subject_type = "site"

    list_display = ("server", "name", "instance", "at_site", "replication", "lag", "group")
    list_display_links = ("server",)
    list_filter = (
        ("site", admin.RelatedOnlyFieldListFilter),
        ReplicationFilter,
        DirectionFilter,
        ProtectedFilter,
        GoneFilter,
    )
    list_filter_sheet = True
    linked_by = ("protection_group",)  # by the page of a group
    search_fields = KNOWN_BY
    search_help_text = "Part of a host name, Name tag, source server id or EC2 instance id"
    ordering = ("hostname", "source_server_id")
    list_per_page = 50
    show_full_result_count = False
    change_form_before_template = ""  # nothing to save
    change_form_outer_after_template = "admin/protection/_server_points.html"
    fieldsets = (
        (None, {"fields": _IDENTITY}),
        (
            "Replication",
            {"fields": ("replication", "lag", "replication_error", "direction", "staging_account_id")},
        ),
        ("Recovery", {"fields": ("recovery_instance_id", "launched")}),
        ("Machine", {"fields": ("os", "cpu_cores", "memory", "disks", "tag_list")}),
        ("Seen", {"fields": ("first_seen", "gone_since", "arn")}),
    )
    readonly_fields = tuple(name for _, options in fieldsets for name in options["fields"])

    def get_fieldsets(self, request: HttpRequest, obj: SourceServer | None = None) -> Any:
        """What there is to say: a page of dashes hides the line that matters, above all on a phone."""
        if obj is None:
            return self.fieldsets
        told = {name for name in self.readonly_fields if self._says(obj, name)}
        kept = ((title, [name for name in options["fields"] if name in told]) for title, options in self.fieldsets)
        return [(title, {"fields": fields}) for title, fields in kept if fields]

    def _says(self, server: SourceServer, name: str) -> bool:
        shown = getattr(self, name)(server) if hasattr(self, name) else getattr(server, name)
        return shown not in (None, "")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: SourceServer | None = None) -> bool:
        if obj is None or obj.missing_since is None:
            return False
        return policy.may(person(request), "protection.delete_sourceserver", on=obj)

    def chain_of(self, object_id: str) -> tuple[str, str]:
        # People do nothing to a server but remove it from its site's inventory.
        site_id = SourceServer.objects.filter(pk=object_id).values_list("site_id", flat=True).first()
        return self.subject_type, str(site_id or "")

    def service_delete(self, row: SourceServer, by: User, expected_version: int) -> None:
        services.server_forget(server=row, by=by)

    def get_urls(self) -> list[URLPattern]:
        points = self.admin_site.admin_view(views.server_points)
        return [path("<int:server_id>/points/", points, name="protection_sourceserver_points"), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[SourceServer]:
        return selectors.server_list(request.user)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> SourceServer | None:
        server: SourceServer | None = super().get_object(request, object_id, from_field)
        if server is not None:  # to be looked at, and never saved
            server.membership_conflict = selectors.conflict_of(server, request.user)
        return server

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        server = context.get("original")
        if server is not None:
            context |= server_panel(server, request.user)
        return super().render_change_form(request, context, *args, **kwargs)

    @display(description="Server", ordering="hostname", header=True)
    def server(self, server: SourceServer) -> list[str]:
        return [server.hostname or server.fqdn or "no host name", server.source_server_id]

    @display(description="Name tag", ordering="tags__Name", empty_value="none")
    def name(self, server: SourceServer) -> str | None:
        return server.name_tag or None

    @display(description="EC2 instance", ordering="aws_instance_id", empty_value="none")
    def instance(self, server: SourceServer) -> str | None:
        return server.aws_instance_id or None

    @display(description="Site", ordering="site__name")
    def at_site(self, server: SourceServer) -> str:
        return str(server.site)

    @display(description="Replication", ordering="replication_state")
    def replication(self, server: SourceServer) -> SafeString:
        return badge_html(server_badge(server))

    @display(description="Lag", ordering="lag_seconds")
    def lag(self, server: SourceServer) -> SafeString:
        return badge_html(lag_badge(server.lag_seconds))

    @display(description="Protection group", ordering="protection_group__name")
    def group(self, server: SourceServer) -> SafeString:
        if server.is_reversed:
            return badge_html(REVERSED)
        if server.protection_group is None:
            return badge_html(UNPROTECTED)
        url = reverse("admin:protection_protectiongroup_change", args=[server.protection_group_id])
        link = format_html('<a class="dr-link" href="{}">{}</a>', url, server.protection_group)
        if server.membership_conflict:
            return format_html("{} {}", link, badge_html(IN_TWO_GROUPS))
        return link

    @display(description="Replication direction")
    def direction(self, server: SourceServer) -> str:
        return aws_words(server.replication_direction)

    @display(description="Last launch")
    def launched(self, server: SourceServer) -> str:
        if server.last_launch_at is None:
            return "never"
        return f"{aws_words(server.last_launch_status)}, {clock_utc(server.last_launch_at)}"

    @display(description="First seen")
    def first_seen(self, server: SourceServer) -> str:
        return clock_utc(server.first_seen_at)

    @display(description="Missing from DRS since")
    def gone_since(self, server: SourceServer) -> str:
        return clock_utc(server.missing_since)

    @display(description="Memory")
    def memory(self, server: SourceServer) -> str:
        return gibibytes(server.ram_bytes)

    @display(description="Disks")
    def disks(self, server: SourceServer) -> str:
        return gibibytes(server.disk_bytes)

    @display(description="Tags")
    def tag_list(self, server: SourceServer) -> SafeString | None:
        return render_to_string("admin/protection/_tags.html", {"tags": sorted(server.tags.items())})


@admin.register(ProtectionGroup)
class ProtectionGroupAdmin(ChainHistory, ServiceAdmin):
    subject_type = "protection_group"
    form = ProtectionGroupForm
    list_display = ("name", "site", "selects", "servers_now")
    list_filter = (("site", admin.RelatedOnlyFieldListFilter),)
    search_fields = ("name", "description")
    list_per_page = 50
    change_form_outer_before_template = "admin/kit/_kept_before.html"
    change_form_after_template = "admin/protection/_group_selects.html"
    change_form_outer_after_template = "admin/protection/_group_members.html"
    fieldsets = (
        (None, {"fields": ("name", "site", "description")}),
        (
            "Servers",
            {
                "fields": ("tag_selector", "servers"),
                "description": "Select servers by tag, one by one, or both. A server can be in only one group.",
            },
        ),
    )

    def service_delete(self, row: ProtectionGroup, by: User, expected_version: int) -> None:
        services.group_delete(group=row, by=by, expected_version=expected_version)

    def get_fieldsets(self, request: HttpRequest, obj: ProtectionGroup | None = None) -> Any:
        if obj is None or self.has_change_permission(request, obj):
            return super().get_fieldsets(request, obj)
        # Who may only look has no form, and `servers` is a field of the form alone.
        return ((None, {"fields": ("name", "site", "description", "selects")}),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProtectionGroup]:
        return selectors.group_list(request.user)

    @display(description="Selects")
    def selects(self, group: ProtectionGroup) -> str:
        parts = [selector_words(group.tag_selector)] if group.tag_selector else []
        if group.explicit_servers:
            parts.append(f"{count(len(group.explicit_servers), 'server')} by name")
        return " · ".join(parts)

    @display(description="Current servers", ordering="member_count")
    def servers_now(self, group: Any) -> str | SafeString:
        return str(group.member_count) if group.member_count else badge_html(EMPTY_GROUP)

    def get_urls(self) -> list[URLPattern]:
        search = self.admin_site.admin_view(views.server_search)
        selection = self.admin_site.admin_view(views.group_selection)
        return [
            path("servers/", search, name="protection_protectiongroup_servers"),
            path("selection/", selection, name="protection_protectiongroup_selection_new"),
            path("<int:group_id>/selection/", selection, name="protection_protectiongroup_selection"),
            *super().get_urls(),
        ]

    def response_add(self, request: HttpRequest, obj: ProtectionGroup, post_url_continue: str | None = None) -> Any:
        response = super().response_add(request, obj, post_url_continue)
        messages.info(request, members_sentence(obj))
        return response

    def response_change(self, request: HttpRequest, obj: ProtectionGroup) -> Any:
        response = super().response_change(request, obj)
        messages.info(request, members_sentence(obj))
        return response

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        group = context.get("original")
        if group is not None:
            context |= group_panel(group, request.user)
        return super().render_change_form(request, context, *args, **kwargs)
