from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig as DjangoAdminConfig


class DrsorchConfig(AppConfig):
    name = "drsorch"
    verbose_name = "drsorch"

    def ready(self) -> None:
        from audit.places import SCHEMES
        from drsorch import checks  # noqa: F401 # importing registers them
        from drsorch.heads import BucketPlace

        SCHEMES["s3"] = BucketPlace


class AdminConfig(DjangoAdminConfig):
    default_site = "drsorch.admin_site.AdminSite"
