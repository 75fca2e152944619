from django.apps import AppConfig


class ReportsConfig(AppConfig):
    name = "reports"
    default_auto_field = "django.db.models.BigAutoField"
    #: As the sidebar calls the group of its pages.
    verbose_name = "Evidence"

    def ready(self) -> None:
        from audit.holding import holds
        from audit.record import listens
        from executions.models import Execution
        from reports import events  # noqa: F401 # importing it declares them
        from reports.holding import DossierHolder
        from reports.tasks import result_noted

        holds(Execution.subject_type, DossierHolder())
        listens(Execution.subject_type, result_noted)
