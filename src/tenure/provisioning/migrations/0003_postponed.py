"""Plans that wait for the outcome of an operation."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("provisioning", "0002_fast_lane")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="operation",
            name="postponed",
            field=models.JSONField(null=True),
        ),
        migrations.AddIndex(
            model_name="operation",
            index=models.Index(
                condition=models.Q(("postponed__isnull", False)),
                fields=["id"],
                name="operation_postponed",
            ),
        ),
    ]
