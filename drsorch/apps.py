from typing import Any

from django.apps import AppConfig
from django.contrib.admin.apps import SimpleAdminConfig
from django.contrib.admin.checks import check_admin_app, check_dependencies
from django.core import checks


class DrsorchConfig(AppConfig):
    name = "drsorch"
    verbose_name = "drsorch"

    def ready(self) -> None:
        from audit.places import SCHEMES
        from drs.calls import OBSERVERS
        from drsorch import checks  # noqa: F401 # importing registers them
        from drsorch.heads import BucketPlace
        from drsorch.observing.counting import count_call

        SCHEMES["s3"] = BucketPlace
        if count_call not in OBSERVERS:
            OBSERVERS.append(count_call)


class AdminConfig(SimpleAdminConfig):
    """The admin site, without its pages: the URLs load those. A worker has no URLs, and starts a third sooner."""

    default_site = "drsorch.admin_site.AdminSite"

    def ready(self) -> None:
        checks.register(check_dependencies, checks.Tags.admin)
        checks.register(_check_pages, checks.Tags.admin)


def _check_pages(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """Django's check of the admin pages, once they are there."""
    from drsorch import urls  # noqa: F401 # importing loads them

    found: list[checks.CheckMessage] = check_admin_app(app_configs, **kwargs)
    return found
