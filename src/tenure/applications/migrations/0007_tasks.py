"""Who does by hand what an application cannot do, and when that is overdue."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("applications", "0006_transfers")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="application",
            name="owner",
            field=models.CharField(blank=True, default="", max_length=200),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="application",
            name="remind_after",
            field=models.DurationField(null=True),
        ),
    ]
