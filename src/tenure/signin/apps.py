"""Names the app to Django, and has it told whose access has ended."""

from django.apps import AppConfig


class SigninConfig(AppConfig):
    name = "tenure.signin"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from tenure.people.endings import register
        from tenure.signin.endings import end_access

        register(end_access)
