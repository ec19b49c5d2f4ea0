"""Names the app to Django, and has it told whose access, keys and accounts have ended."""

from django.apps import AppConfig


class SignalsConfig(AppConfig):
    name = "tenure.signals"
    label = "signals"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from tenure.people.endings import register as told_of_people
        from tenure.provisioning.records.losses import register as told_of_losses
        from tenure.signals import emitting, pushing
        from tenure.signin.closings import register as told_of_keys
        from tenure.sso import outbox
        from tenure.sso.outbox import Ends

        told_of_people(emitting.access_ended)
        told_of_losses(emitting.accounts_lost)
        told_of_keys(emitting.sessions_closed, emitting.keys_were_reset)
        outbox.register(pushing.KIND, pushing.Push(), words="Shared signal", ends=Ends.NOTHING)
