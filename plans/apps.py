from django.apps import AppConfig


class PlansConfig(AppConfig):
    name = "plans"
    default_auto_field = "django.db.models.BigAutoField"
    #: As the sidebar calls the group of its pages.
    verbose_name = "Run"

    def ready(self) -> None:
        from plans import events, holding, proposing  # noqa: F401 # importing declares what they say
        from plans.screens.links import plans_with
        from protection.uses import register_uses

        holding.hold()
        register_uses("Plans", plans_with)
