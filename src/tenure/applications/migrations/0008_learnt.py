"""What an application taught us of its limits."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("applications", "0007_tasks")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="application",
            name="learnt",
            field=models.JSONField(default=dict),
        ),
    ]
