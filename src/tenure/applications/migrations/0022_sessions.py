from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("applications", "0021_reconcile_every")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="application",
            name="sessions",
            field=models.JSONField(default=dict),
        ),
    ]
