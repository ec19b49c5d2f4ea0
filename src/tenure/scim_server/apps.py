"""Names the app to Django."""

from django.apps import AppConfig


class ScimServerConfig(AppConfig):
    name = "tenure.scim_server"
    default_auto_field = "django.db.models.BigAutoField"
