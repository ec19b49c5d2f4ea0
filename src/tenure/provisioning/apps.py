"""Names the app to Django."""

from django.apps import AppConfig


class ProvisioningConfig(AppConfig):
    name = "tenure.provisioning"
    default_auto_field = "django.db.models.BigAutoField"
