"""The entry of the catalogue that a source was made from."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("sources", "0006_receiving"),
    ]

    operations: ClassVar = [
        migrations.AddField(
            model_name="source",
            name="catalogue_entry",
            field=models.CharField(blank=True, max_length=100),
        ),
    ]
