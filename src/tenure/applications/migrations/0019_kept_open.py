"""Accounts that are protected one by one, or our own: few, and every look at the overview asks."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("applications", "0018_read_attributes")]

    operations: ClassVar = [
        migrations.AddIndex(
            model_name="account",
            index=models.Index(
                fields=["application"],
                condition=models.Q(own=True) | ~models.Q(protected=""),
                name="account_protected",
            ),
        ),
    ]
