"""Names the app to Django, and has what it seals sealed anew when the key is another."""

from django.apps import AppConfig


class ProvisioningConfig(AppConfig):
    name = "tenure.provisioning"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from tenure.provisioning.records.veiling import reseal
        from tenure.vault.services import resealed_by

        resealed_by(reseal)
