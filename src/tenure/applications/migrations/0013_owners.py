"""Who owns an application, so that the last of them is never taken away."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("applications", "0012_tally_what_changed")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="account",
            name="owner",
            field=models.BooleanField(default=False),
        ),
        migrations.AddIndex(
            model_name="account",
            index=models.Index(
                condition=models.Q(("owner", True)),
                fields=["application"],
                name="account_owner",
            ),
        ),
        migrations.AddField(
            model_name="application",
            name="keeps_owner",
            field=models.CharField(blank=True, default="", max_length=320),
            preserve_default=False,
        ),
    ]
