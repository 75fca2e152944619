from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "access"
    #: As the sidebar calls the group of its pages.
    verbose_name = "Administer"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from access import events, holding, policy, recording  # noqa: F401 # importing events declares them

        policy.register()
        recording.listen()
        holding.hold()
