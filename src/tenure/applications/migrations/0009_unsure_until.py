"""Until when something may still arrive at an account that a dead worker sent."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("applications", "0008_learnt")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="account",
            name="unsure_until",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddIndex(
            model_name="account",
            index=models.Index(
                condition=models.Q(("unsure_until__isnull", False)),
                fields=["unsure_until"],
                name="account_unsure_until",
            ),
        ),
    ]
