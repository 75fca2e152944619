"""Where everything is."""

from __future__ import annotations

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from drsorch.health import healthz, readyz

# One way in for everybody: allauth's page, with its rate limits and second factors.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
    path("api/", include("drsorch.api")),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
]
