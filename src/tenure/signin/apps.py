"""Names the app to Django, and has it told whose access has ended."""

from django.apps import AppConfig


class SigninConfig(AppConfig):
    name = "tenure.signin"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from tenure.people import endings, moving
        from tenure.signin.endings import end_access, sign_out

        endings.register(end_access)
        moving.register(sign_out)
