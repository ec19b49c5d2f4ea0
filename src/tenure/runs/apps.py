"""Names the app to Django."""

from django.apps import AppConfig


class RunsConfig(AppConfig):
    name = "tenure.runs"
    default_auto_field = "django.db.models.BigAutoField"
