"""Sites, source servers and protection groups in the admin."""

from __future__ import annotations

from typing import Any, cast

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from access import policy
from foundation.errors import DomainError
from foundation.wording import Badge, Tone, ago, count
from protection import core, selectors, services
from protection.admin_base import ServiceAdmin, badge
from protection.admin_filters import GoneFilter, ProtectedFilter, ReplicationFilter
from protection.forms import ProtectionGroupForm, SiteForm, server_label
from protection.models import ProtectionGroup, Site, SourceServer
from protection.presentation import clock, gibibytes, lag_badge, replication_badge, site_badge

#: Members shown on a group's page; the rest is a link away.
MEMBERS_SHOWN = 100


def _user(request: HttpRequest) -> User:
    """Who asks; the admin lets in nobody who is not signed in."""
    return cast("User", request.user)


@admin.register(Site)
class SiteAdmin(ServiceAdmin):
    form = SiteForm
    list_display = ("site", "servers", "state", "sync_button")
    list_display_links = ("site",)
    search_fields = ("name", "account_id", "region")
    change_form_outer_before_template = "admin/protection/site_panel.html"
    fieldsets = (
        (None, {"fields": ("name", "account_id", "region")}),
        (
            "How it is reached",
            {"fields": ("role_arn", "external_id", "endpoint_url", "job_tags")},
        ),
    )

    def service_create(self, data: dict[str, Any], request: HttpRequest) -> Site:
        return services.site_create(**data, by=_user(request))

    def service_update(
        self, row: Site, data: dict[str, Any], expected_version: int | None, request: HttpRequest
    ) -> Site:
        return services.site_update(row, changes=data, by=_user(request), expected_version=expected_version)

    def service_delete(self, row: Site, request: HttpRequest) -> None:
        services.site_delete(row, by=_user(request))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Site]:
        return selectors.sites()

    def get_list_display(self, request: HttpRequest) -> Any:
        may_sync = policy.may(_user(request), "protection.sync_site")
        return self.list_display if may_sync else self.list_display[:-1]

    @display(description="Site", ordering="name", header=True)
    def site(self, site: Site) -> list[str]:
        return [site.name, f"{site.account_id} · {site.region}"]

    @display(description="Source servers", ordering="server_count")
    def servers(self, site: Any) -> int:
        return int(site.server_count)

    @display(description="Inventory")
    def state(self, site: Site) -> SafeString:
        return render_to_string("admin/protection/_site_state.html", _site_context(site))

    @display(description="")
    def sync_button(self, site: Site) -> SafeString:
        return render_to_string("admin/protection/_sync_in_list.html", {"site": site})

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:site_id>/sync/", wrap(self.sync), name="protection_site_sync"),
            path("<int:site_id>/state/", wrap(self.live_state), name="protection_site_state"),
            *super().get_urls(),
        ]

    def sync(self, request: HttpRequest, site_id: int) -> HttpResponse:
        """The button: have a worker mirror the inventory now."""
        site = get_object_or_404(Site, pk=site_id)
        if request.method == "POST":
            try:
                services.site_sync_request(site, by=_user(request))
                messages.success(request, f"The inventory of “{site}” is being mirrored.")
            except DomainError as error:
                messages.error(request, error.detail)
        from_list = request.POST.get("from") == "list"
        page = "admin:protection_site_changelist" if from_list else "admin:protection_site_change"
        return HttpResponseRedirect(reverse(page, args=[] if from_list else [site_id]))

    def live_state(self, request: HttpRequest, site_id: int) -> HttpResponse:
        """The part of a page that renews itself while a sync runs."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        site = get_object_or_404(selectors.sites(), pk=site_id)
        return render(request, "admin/protection/_site_state.html", _site_context(site, request.GET.get("full") == "1"))

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        site = context.get("original")
        if site is not None:
            context.update(_site_context(selectors.sites().get(pk=site.pk), full=True))
            context["may_sync"] = policy.may(_user(request), "protection.sync_site")
        return super().render_change_form(request, context, *args, **kwargs)


def _site_context(site: Any, full: bool = False) -> dict[str, Any]:
    """How current a site's inventory is, for `_site_state.html`; `full` with what else is known of it."""
    now = timezone.now()
    shown = site_badge(
        now,
        syncing=selectors.site_is_syncing(site, now),
        next_sync_at=site.due_at,
        last_synced_at=site.last_synced_at,
        failed=bool(site.sync_error),
        interval_seconds=settings.DRSORCH_SYNC_SECONDS,
    )
    return {
        "site": site,
        "badge": shown,
        # While something is about to happen the part renews itself.
        "live": shown.tone == "busy",
        "refresh_seconds": settings.DRSORCH_REFRESH_SECONDS,
        "full": full,
        "last_synced": f"last synced {ago(site.last_synced_at, now)}" if site.last_synced_at else "never synced before",
        "server_count": count(site.server_count, "source server"),
    }


@admin.register(SourceServer)
class SourceServerAdmin(ServiceAdmin):
    """The mirrored inventory: to be looked at, written by syncs alone; what is gone from DRS can be forgotten."""

    list_display = ("server", "at_site", "replication", "lag", "group")
    list_display_links = ("server",)
    list_filter = (("site", admin.RelatedOnlyFieldListFilter), ReplicationFilter, ProtectedFilter, GoneFilter)
    list_filter_sheet = True
    search_fields = ("hostname", "fqdn", "source_server_id")
    search_help_text = "Part of a host name, domain name or source server id"
    ordering = ("hostname", "source_server_id")
    list_per_page = 50
    show_full_result_count = False
    change_form_before_template = ""  # nothing to save
    change_form_outer_after_template = "admin/protection/server_points.html"
    fieldsets = (
        (None, {"fields": ("source_server_id", "hostname", "fqdn", "at_site", "group", "membership_conflict")}),
        (
            "Replication",
            {"fields": ("replication", "lag", "replication_error", "replication_direction", "staging_account_id")},
        ),
        ("Recovery", {"fields": ("recovery_instance_id", "last_launch_status", "launched")}),
        ("Machine", {"fields": ("os", "cpu_cores", "memory", "disks", "tag_list")}),
        ("Seen", {"fields": ("first_seen", "gone_since", "arn")}),
    )
    readonly_fields = tuple(name for _, options in fieldsets for name in options["fields"])

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: SourceServer | None = None) -> bool:
        gone = obj is not None and obj.missing_since is not None
        return gone and policy.may(_user(request), "protection.delete_sourceserver")

    def service_delete(self, row: SourceServer, request: HttpRequest) -> None:
        services.server_forget(row, by=_user(request))

    def get_urls(self) -> list[URLPattern]:
        points = self.admin_site.admin_view(self.points_in_time)
        return [path("<int:server_id>/points/", points, name="protection_sourceserver_points"), *super().get_urls()]

    def points_in_time(self, request: HttpRequest, server_id: int) -> HttpResponse:
        """The part of a server's page that asks DRS, when somebody wants to know."""
        policy.require(_user(request), "protection.view_sourceserver")
        server = get_object_or_404(selectors.servers(), pk=server_id)
        context: dict[str, Any] = {"server": server}
        try:
            context["points"] = [
                {
                    "id": snapshot.snapshot_id,
                    "taken": clock(snapshot.taken_at),
                    "ago": ago(snapshot.taken_at, timezone.now()),
                }
                for snapshot in services.recovery_snapshots(server)
            ]
        except DomainError as error:
            context["refusal"] = error.detail
        return render(request, "admin/protection/_points.html", context)

    def get_queryset(self, request: HttpRequest) -> QuerySet[SourceServer]:
        return selectors.servers()

    @display(description="Server", ordering="hostname", header=True)
    def server(self, server: SourceServer) -> list[str]:
        return [server.hostname or server.fqdn or "no host name", server.source_server_id]

    @display(description="Site", ordering="site__name")
    def at_site(self, server: SourceServer) -> str:
        return str(server.site)

    @display(description="Replication", ordering="replication_state")
    def replication(self, server: SourceServer) -> SafeString:
        if server.missing_since is not None:
            return badge(Badge("gone from DRS", Tone.BAD, "visibility_off"))
        return badge(replication_badge(server.replication_state))

    @display(description="Lag", ordering="lag_seconds")
    def lag(self, server: SourceServer) -> SafeString:
        return badge(lag_badge(server.lag_seconds))

    @display(description="Protection group", ordering="protection_group__name")
    def group(self, server: SourceServer) -> SafeString:
        if server.protection_group is None:
            return badge(Badge("unprotected", Tone.NEUTRAL, "shield"))
        url = reverse("admin:protection_protectiongroup_change", args=[server.protection_group_id])
        link = format_html('<a class="dr-link" href="{}">{}</a>', url, server.protection_group)
        if server.membership_conflict:
            return format_html("{} {}", link, badge(Badge("in two groups", Tone.WARN, "error")))
        return link

    @display(description="At")
    def launched(self, server: SourceServer) -> str:
        return clock(server.last_launch_at)

    @display(description="First seen")
    def first_seen(self, server: SourceServer) -> str:
        return clock(server.first_seen_at)

    @display(description="Gone from DRS since")
    def gone_since(self, server: SourceServer) -> str:
        return clock(server.missing_since)

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
class ProtectionGroupAdmin(ServiceAdmin):
    form = ProtectionGroupForm
    list_display = ("name", "site", "selects", "servers_now")
    list_filter = (("site", admin.RelatedOnlyFieldListFilter),)
    search_fields = ("name", "description")
    list_per_page = 50
    change_form_outer_after_template = "admin/protection/group_members.html"
    fieldsets = (
        (None, {"fields": ("name", "site", "description")}),
        (
            "Servers",
            {
                "fields": ("tag_selector", "servers"),
                "description": "By tags, one by one, or both. A server can be in one group only.",
            },
        ),
    )

    def service_create(self, data: dict[str, Any], request: HttpRequest) -> ProtectionGroup:
        return services.group_create(**data, by=_user(request))

    def service_update(
        self, row: ProtectionGroup, data: dict[str, Any], expected_version: int | None, request: HttpRequest
    ) -> ProtectionGroup:
        return services.group_update(row, changes=data, by=_user(request), expected_version=expected_version)

    def service_delete(self, row: ProtectionGroup, request: HttpRequest) -> None:
        services.group_delete(row, by=_user(request))

    def get_fieldsets(self, request: HttpRequest, obj: ProtectionGroup | None = None) -> Any:
        if obj is None or self.has_change_permission(request, obj):
            return super().get_fieldsets(request, obj)
        # Who may only look has no form, and `servers` is a field of the form alone.
        return ((None, {"fields": ("name", "site", "description", "selects")}),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProtectionGroup]:
        return selectors.groups()

    @display(description="Selects")
    def selects(self, group: ProtectionGroup) -> str:
        parts = [core.selector_words(group.tag_selector)] if group.tag_selector else []
        if group.explicit_servers:
            parts.append(f"{count(len(group.explicit_servers), 'server')} by name")
        return " · ".join(parts)

    @display(description="Servers now", ordering="member_count")
    def servers_now(self, group: Any) -> str | SafeString:
        return str(group.member_count) if group.member_count else badge(Badge("none", Tone.BAD, "error"))

    def get_urls(self) -> list[URLPattern]:
        search = self.admin_site.admin_view(self.search_servers)
        return [path("servers/", search, name="protection_protectiongroup_servers"), *super().get_urls()]

    def search_servers(self, request: HttpRequest) -> HttpResponse:
        """What the field of servers finds, in the form of its select2: `?term=…&page=…`, in one site with `&site=`."""
        policy.require(_user(request), "protection.view_sourceserver")
        rows = selectors.servers_search(selectors.servers(), request.GET.get("term", ""))
        site_id = request.GET.get("site", "")
        if site_id.isdigit():
            rows = rows.filter(site=int(site_id))
        page = Paginator(rows, 20).get_page(request.GET.get("page"))
        results = [{"id": str(server.pk), "text": server_label(server)} for server in page]
        return JsonResponse({"results": results, "pagination": {"more": page.has_next()}})

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        group = context.get("original")
        if group is not None:
            members = selectors.members(group)
            number = members.count()
            context["members"] = [
                {
                    "server": server,
                    "replication": replication_badge(server.replication_state),
                    "lag": lag_badge(server.lag_seconds),
                }
                for server in members[:MEMBERS_SHOWN]
            ]
            context["member_count"] = count(number, "server")
            context["members_left"] = max(0, number - MEMBERS_SHOWN)
        return super().render_change_form(request, context, *args, **kwargs)
