"""That what was given on request was taken back at its end."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("requests", "0001_initial")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="accessrequest",
            name="taken_back_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddIndex(
            model_name="accessrequest",
            index=models.Index(
                condition=models.Q(("state", "approved"), ("taken_back_at", None)),
                fields=["id"],
                name="request_given",
            ),
        ),
    ]
