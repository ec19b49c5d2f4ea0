"""Accounts are read anew where an attribute is asked for that they were not read with."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("applications", "0017_order")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="application",
            name="read_attributes",
            field=models.JSONField(null=True),
        ),
    ]
