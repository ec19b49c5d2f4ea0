"""What a request without an answer may have changed; what it is that an application refused."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("applications", "0003_renames")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="account",
            name="unsure",
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name="application",
            name="stopped_on",
            field=models.CharField(blank=True, default="", max_length=16),
            preserve_default=False,
        ),
    ]
