"""Names the app to Django; has what it seals sealed anew when the key is another, and exceptions
name applications as they are called."""

from django.apps import AppConfig


class ProvisioningConfig(AppConfig):
    name = "tenure.provisioning"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from tenure.applications.selectors import application_names
        from tenure.provisioning.records import veiling
        from tenure.rules.exceptions import call_applications
        from tenure.vault.lost_keys import made_here
        from tenure.vault.services import Elsewhere, sealed_elsewhere

        sealed_elsewhere(Elsewhere(veiling.reseal, veiling.anything_sealed))
        made_here(veiling.DIGEST_KEY)
        call_applications(application_names)
