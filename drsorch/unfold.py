"""How the admin looks and where its sidebar leads (django-unfold). Read by settings: no model may be imported here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.functional import lazy

_static = lazy(static, str)


def _may(permission: str) -> Callable[[HttpRequest], bool]:
    """For an entry of the sidebar: shown to those who hold the permission."""

    def shown(request: HttpRequest) -> bool:
        from access import policy

        return policy.may(request.user, permission)

    return shown


def _entry(title: str, icon: str, page: str, permission: str) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": reverse_lazy(f"admin:{page}"), "permission": _may(permission)}


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "drsorch",
    "SITE_HEADER": "drsorch",
    "SITE_SUBHEADER": "disaster recovery",
    "SITE_SYMBOL": "shield_with_heart",
    "SITE_URL": None,
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: _static("drsorch/icon.svg")}],
    "STYLES": [lambda request: _static("drsorch/kit.css"), lambda request: _static("drsorch/screens.css")],
    "SCRIPTS": [
        lambda request: _static("drsorch/live.js"),
        lambda request: _static("drsorch/keep.js"),
        lambda request: _static("drsorch/names.js"),
        lambda request: _static("drsorch/focus.js"),
    ],
    "COLORS": {
        "primary": {
            "50": "oklch(97.5% .012 235)",
            "100": "oklch(94.5% .028 235)",
            "200": "oklch(89% .055 235)",
            "300": "oklch(81% .095 236)",
            "400": "oklch(70% .13 238)",
            "500": "oklch(60% .14 241)",
            "600": "oklch(51% .135 243)",
            "700": "oklch(44% .12 244)",
            "800": "oklch(38% .1 244)",
            "900": "oklch(33% .08 244)",
            "950": "oklch(25% .06 245)",
        },
    },
    "ACCOUNT": {
        "navigation": [
            {"title": "Password", "link": reverse_lazy("account_change_password")},
            {"title": "Second factor", "link": reverse_lazy("mfa_index")},
            {"title": "API tokens", "link": reverse_lazy("admin:access_my_tokens")},
            {"title": "Sessions", "link": reverse_lazy("sessions")},
        ],
    },
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": [
            {
                "items": [
                    {"title": "Dashboard", "icon": "monitoring", "link": reverse_lazy("admin:index")},
                ],
            },
            {
                "title": "Run",
                "separator": True,
                "items": [
                    _entry("Executions", "play_circle", "executions_execution_changelist", "executions.view_execution"),
                    _entry("Recovery plans", "account_tree", "plans_plan_changelist", "plans.view_plan"),
                ],
            },
            {
                "title": "Evidence",
                "separator": True,
                "items": [
                    _entry("Register", "fact_check", "reports_register", "reports.view_report"),
                    _entry("Findings", "flag", "reports_finding_changelist", "reports.view_finding"),
                ],
            },
            {
                "title": "Protect",
                "separator": True,
                "items": [
                    _entry(
                        "Protection groups",
                        "workspaces",
                        "protection_protectiongroup_changelist",
                        "protection.view_protectiongroup",
                    ),
                    _entry(
                        "Source servers",
                        "dns",
                        "protection_sourceserver_changelist",
                        "protection.view_sourceserver",
                    ),
                    _entry("Sites", "public", "protection_site_changelist", "protection.view_site"),
                ],
            },
            {
                "title": "Administer",
                "separator": True,
                "items": [
                    _entry("Users", "group", "auth_user_changelist", "auth.view_user"),
                    _entry("Roles", "badge", "access_role_changelist", "access.view_role"),
                    _entry("Sessions", "devices", "access_signinsession_changelist", "access.view_signinsession"),
                    _entry(
                        "Service accounts",
                        "smart_toy",
                        "access_serviceaccount_changelist",
                        "access.view_serviceaccount",
                    ),
                    _entry(
                        "Provider groups",
                        "diversity_3",
                        "access_providergroup_changelist",
                        "access.view_providergroup",
                    ),
                    _entry("Provider links", "link", "access_providerlink_changelist", "access.view_providerlink"),
                    _entry("API tokens", "key", "access_apitoken_changelist", "access.view_apitoken"),
                    _entry("Proposals", "how_to_vote", "access_proposals", "access.view_proposal"),
                    _entry("Access review", "rule", "access_review", "access.review_access"),
                    _entry("Audit trail", "history", "audit_event_changelist", "audit.view_event"),
                    {"title": "API", "icon": "api", "link": reverse_lazy("docs")},
                ],
            },
        ],
    },
}
