"""That people may ask for an application which no rule gives."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("applications", "0013_owners")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="application",
            name="requestable",
            field=models.JSONField(default=dict),
        ),
    ]
