"""Names the app to Django."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "tenure.portal"
    default_auto_field = "django.db.models.BigAutoField"
