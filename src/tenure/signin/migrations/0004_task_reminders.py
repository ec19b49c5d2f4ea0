"""Letters that remind of tasks."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("signin", "0003_passkey_at")]

    operations: ClassVar = [
        migrations.AlterField(
            model_name="letter",
            name="kind",
            field=models.CharField(
                choices=[
                    ("invitation", "Invitation"),
                    ("code", "One-time code"),
                    ("administrator", "Invitation of an administrator"),
                    ("notice", "Notice"),
                    ("tasks", "Reminder of tasks"),
                ],
                max_length=16,
            ),
        ),
    ]
