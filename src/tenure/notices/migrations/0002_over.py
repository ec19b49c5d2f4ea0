from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("notices", "0001_initial")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="told",
            name="kind",
            field=models.CharField(db_default="", max_length=32),
        ),
        migrations.AddField(
            model_name="told",
            name="about",
            field=models.CharField(db_default="", max_length=100),
        ),
    ]
