from django.apps import AppConfig


class PlansConfig(AppConfig):
    name = "plans"
    default_auto_field = "django.db.models.BigAutoField"
    #: As the sidebar calls the group of its pages.
    verbose_name = "Run"

    def ready(self) -> None:
        from plans import events, holding  # noqa: F401 # importing events declares them

        holding.hold()
