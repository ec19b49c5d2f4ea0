"""Since when an operation waits for a person to do it by hand."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("provisioning", "0004_transfers")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="operation",
            name="asked_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddIndex(
            model_name="operation",
            index=models.Index(
                condition=models.Q(("state", "manual")),
                fields=["asked_at"],
                name="operation_by_hand",
            ),
        ),
    ]
