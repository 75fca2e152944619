from django.apps import AppConfig


class DrsorchConfig(AppConfig):
    name = "drsorch"
    verbose_name = "drsorch"
