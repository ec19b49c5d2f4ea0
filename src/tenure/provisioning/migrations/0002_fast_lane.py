"""Claiming the next operations costs the same however many wait."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("provisioning", "0001_initial")]

    operations: ClassVar = [
        migrations.AddIndex(
            model_name="operation",
            index=models.Index(
                condition=models.Q(("state__in", ["started", "unknown", "retrying"])),
                fields=["application", "person"],
                name="operation_busy",
            ),
        ),
    ]
