"""Names the app to Django."""

from django.apps import AppConfig


class ReceivingConfig(AppConfig):
    name = "tenure.receiving"
    default_auto_field = "django.db.models.BigAutoField"
