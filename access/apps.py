from django.apps import AppConfig, apps


class AccessConfig(AppConfig):
    name = "access"
    #: As the sidebar calls the group of its pages.
    verbose_name = "Administer"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from access import events, holding, policy, recent, recording  # noqa: F401 # importing events declares them
        from access.signing_in import sessions
        from audit import sight

        # Users are administered beside roles and tokens.
        apps.get_app_config("auth").verbose_name = self.verbose_name
        policy.register()
        sight.decide(lambda person: policy.may_everywhere(person, "audit.view_event"))
        recording.listen()
        recent.listen()
        sessions.listen()
        holding.hold()
