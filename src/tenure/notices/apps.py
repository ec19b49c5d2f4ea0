"""Names the app to Django."""

from django.apps import AppConfig


class NoticesConfig(AppConfig):
    name = "tenure.notices"
    default_auto_field = "django.db.models.BigAutoField"
