"""Names the app to Django."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "tenure.audit"
    default_auto_field = "django.db.models.BigAutoField"
