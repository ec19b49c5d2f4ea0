"""Names the app to Django."""

from django.apps import AppConfig


class RulesConfig(AppConfig):
    name = "tenure.rules"
    default_auto_field = "django.db.models.BigAutoField"
