"""Names the app to Django."""

from django.apps import AppConfig


class SetupConfig(AppConfig):
    name = "tenure.setup"
    default_auto_field = "django.db.models.BigAutoField"
