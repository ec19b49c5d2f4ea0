"""Names the app to Django."""

from django.apps import AppConfig


class PeopleConfig(AppConfig):
    name = "tenure.people"
    default_auto_field = "django.db.models.BigAutoField"
