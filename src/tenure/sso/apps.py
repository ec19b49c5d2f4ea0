"""Names the app to Django, and has it told whose access and which sessions have ended."""

from django.apps import AppConfig


class SsoConfig(AppConfig):
    name = "tenure.sso"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from tenure.applications.sign_on_changes import register as told_of_sign_on
        from tenure.people.endings import register as told_of_people
        from tenure.provisioning.records.losses import register as told_of_losses
        from tenure.signin.closings import register as told_of_sessions
        from tenure.signin.reminders import register as reminded_of
        from tenure.sso import by_hand, endings, reconfigured, revoking, seeing_out

        told_of_sign_on(reconfigured.changed)
        told_of_people(endings.end_access)
        told_of_people(seeing_out.watch)
        reminded_of(by_hand.to_do)
        told_of_losses(endings.end_lost)
        told_of_losses(revoking.of_accounts_lost)
        told_of_sessions(
            endings.portal_sessions_ended, endings.keys_were_reset, endings.portal_session_replaced
        )
        self._speak()

    def _speak(self) -> None:
        from tenure.sso import global_revocation, outbox, protocols, revoking
        from tenure.sso.models import Protocol
        from tenure.sso.oidc.back_channel import KIND, LogoutSender
        from tenure.sso.oidc.handler import OpenIDConnectHandler

        protocols.register(Protocol.OIDC, OpenIDConnectHandler())
        outbox.register(KIND, LogoutSender(), words="OpenID Connect back-channel logout")
        outbox.register(
            global_revocation.KIND,
            global_revocation.RevocationSender(),
            words=global_revocation.WORDS,
            ends=outbox.Ends.EVERYTHING,
        )
        outbox.register_caller(revoking.KIND, revoking.SessionsCaller(), words=revoking.WORDS)
