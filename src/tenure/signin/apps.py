"""Names the app to Django."""

from django.apps import AppConfig


class SigninConfig(AppConfig):
    name = "tenure.signin"
    default_auto_field = "django.db.models.BigAutoField"
