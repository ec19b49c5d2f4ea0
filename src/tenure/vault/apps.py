"""Names the app to Django."""

from django.apps import AppConfig


class VaultConfig(AppConfig):
    name = "tenure.vault"
    default_auto_field = "django.db.models.BigAutoField"
