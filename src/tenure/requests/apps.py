"""Names the app to Django, and has it told whose access has ended."""

from django.apps import AppConfig


class RequestsConfig(AppConfig):
    name = "tenure.requests"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from tenure.people.endings import register
        from tenure.requests.endings import end_requests

        register(end_requests)
