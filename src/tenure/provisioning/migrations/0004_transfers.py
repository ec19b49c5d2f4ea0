"""One more kind of operation: handing over."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("provisioning", "0003_postponed"),
    ]

    operations: ClassVar = [
        migrations.AlterField(
            model_name="operation",
            name="kind",
            field=models.CharField(
                choices=[
                    ("create", "create"),
                    ("update", "update"),
                    ("disable", "disable"),
                    ("enable", "enable"),
                    ("transfer", "transfer"),
                    ("delete", "delete"),
                    ("grant", "grant"),
                    ("revoke", "revoke"),
                ],
                max_length=16,
            ),
        ),
    ]
