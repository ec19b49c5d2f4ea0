"""Names the app to Django, and has it told who is called otherwise."""

from django.apps import AppConfig


class WritebackConfig(AppConfig):
    name = "tenure.writeback"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from tenure.people.named import register
        from tenure.writeback.asking import ask

        register(ask)
