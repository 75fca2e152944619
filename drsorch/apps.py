from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig as DjangoAdminConfig


class DrsorchConfig(AppConfig):
    name = "drsorch"
    verbose_name = "drsorch"

    def ready(self) -> None:
        from drsorch import checks  # noqa: F401 # importing registers them


class AdminConfig(DjangoAdminConfig):
    default_site = "drsorch.admin_site.AdminSite"
