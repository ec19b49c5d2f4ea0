"""Names the app to Django."""

from django.apps import AppConfig


class SourcesConfig(AppConfig):
    name = "tenure.sources"
    default_auto_field = "django.db.models.BigAutoField"
