"""What runs complained about is not kept for ever; a run says when it was forgotten."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("runs", "0005_apply")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="run",
            name="issues_forgotten_at",
            field=models.DateTimeField(null=True),
        ),
    ]
