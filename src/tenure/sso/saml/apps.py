"""Names the app to Django, and has single sign-on speak SAML: its handler, its certificates, its
notices."""

from django.apps import AppConfig


class SamlConfig(AppConfig):
    name = "tenure.sso.saml"
    label = "saml"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from tenure.sso import keys, outbox, protocols
        from tenure.sso.models import Protocol
        from tenure.sso.saml import identity, notices, told
        from tenure.sso.saml.handler import SamlHandler
        from tenure.vault.lost_keys import made_here

        keys.register_certifier(Protocol.SAML, identity.certify)
        protocols.register(Protocol.SAML, SamlHandler())
        outbox.register(notices.KIND, notices.LogoutSender(), words="SAML single logout")
        made_here(told.SECRET)
