"""Whose what a leaver owned becomes, and when that was done."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("applications", "0005_connection_checks"),
    ]

    operations: ClassVar = [
        migrations.AddField(
            model_name="account",
            name="transferred_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="application",
            name="transfer_to",
            field=models.CharField(
                blank=True, choices=[("manager", "Their manager")], max_length=16
            ),
        ),
    ]
