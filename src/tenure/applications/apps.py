"""Names the app to Django."""

from django.apps import AppConfig


class ApplicationsConfig(AppConfig):
    name = "tenure.applications"
    default_auto_field = "django.db.models.BigAutoField"
