from django.apps import AppConfig


class DrsorchConfig(AppConfig):
    name = "drsorch"
    verbose_name = "drsorch"

    def ready(self) -> None:
        from drsorch import checks  # noqa: F401 # importing registers them
