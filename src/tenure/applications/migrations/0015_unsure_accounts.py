"""Accounts of which something is not sure are found without a look at all others."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("applications", "0014_requestable")]  # noqa: RUF012

    operations = [  # noqa: RUF012
        migrations.AddIndex(
            model_name="account",
            index=models.Index(
                condition=models.Q(("unsure", []), _negated=True),
                fields=["application"],
                name="account_unsure",
            ),
        ),
    ]
