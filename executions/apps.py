from datetime import timedelta

from django.apps import AppConfig


class ExecutionsConfig(AppConfig):
    name = "executions"
    default_auto_field = "django.db.models.BigAutoField"
    #: As the sidebar calls the group of its pages.
    verbose_name = "Run"

    def ready(self) -> None:
        from audit.holding import holds
        from executions import decisions, events, saved_filters, selectors  # noqa: F401 # importing declares events and models
        from executions.engine.polling.schedule import sites_poll
        from executions.links import executions_with, proofs_of
        from executions.models import Execution
        from executions.sealing import ExecutionHolder
        from foundation.chores import CHORES, Housekeeping
        from plans import uses as uses_of_plans
        from protection import uses

        CHORES["site_jobs"] = Housekeeping(timedelta(hours=1), sites_poll, "the search for jobs that no one follows")
        holds(Execution.subject_type, ExecutionHolder())
        uses.register(selectors.under_way_at)
        uses_of_plans.register(selectors.under_way_of)
        uses_of_plans.register_proofs(proofs_of)
        uses.register_uses("Latest executions", executions_with)
        uses.register_jobs(selectors.unfollowed_jobs)
