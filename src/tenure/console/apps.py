"""Names the app to Django."""

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "tenure.console"
    default_auto_field = "django.db.models.BigAutoField"
