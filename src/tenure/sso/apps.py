"""Names the app to Django, and has it told whose access and which sessions have ended."""

from django.apps import AppConfig


class SsoConfig(AppConfig):
    name = "tenure.sso"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from tenure.people.endings import register as told_of_people
        from tenure.provisioning.losses import register as told_of_losses
        from tenure.signin.closings import register as told_of_sessions
        from tenure.sso import endings

        told_of_people(endings.end_access)
        told_of_losses(endings.end_lost)
        told_of_sessions(endings.portal_sessions_ended, endings.keys_were_reset)
