"""Names the app to Django, and has what it seals sealed anew when the key is another."""

from django.apps import AppConfig


class ProvisioningConfig(AppConfig):
    name = "tenure.provisioning"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from tenure.provisioning.records import veiling
        from tenure.vault.lost_keys import made_here
        from tenure.vault.services import Elsewhere, sealed_elsewhere

        sealed_elsewhere(Elsewhere(veiling.reseal, veiling.anything_sealed))
        made_here(veiling.DIGEST_KEY)
