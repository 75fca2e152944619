from django.apps import AppConfig


class ExecutionsConfig(AppConfig):
    name = "executions"
    default_auto_field = "django.db.models.BigAutoField"
    #: As the sidebar calls the group of its pages.
    verbose_name = "Run"

    def ready(self) -> None:
        from executions import selectors
        from protection import uses

        uses.register(selectors.under_way_at)
