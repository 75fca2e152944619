from django.apps import AppConfig


class ProtectionConfig(AppConfig):
    name = "protection"
    default_auto_field = "django.db.models.BigAutoField"
    #: As the sidebar calls the group of its pages.
    verbose_name = "Protect"

    def ready(self) -> None:
        from protection import events, holding  # noqa: F401 # importing events declares them

        holding.hold()
