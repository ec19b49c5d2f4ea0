"""What a request without an answer may have changed on an account."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("applications", "0001_initial")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="account",
            name="unsure",
            field=models.JSONField(default=list),
        ),
    ]
