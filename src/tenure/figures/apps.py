"""Names the app to Django."""

from django.apps import AppConfig


class FiguresConfig(AppConfig):
    name = "tenure.figures"
    default_auto_field = "django.db.models.BigAutoField"
