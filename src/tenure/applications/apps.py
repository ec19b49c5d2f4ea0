"""Names the app to Django."""

from django.apps import AppConfig


class ApplicationsConfig(AppConfig):
    name = "tenure.applications"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Names are made where applications are not known: there it is asked who has one."""
        from tenure.applications.holding import holders
        from tenure.people import naming

        naming.ask_also(holders)
