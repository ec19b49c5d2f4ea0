"""Others begin with the application, too: every operation had to be written to this one, and twice
more as it was claimed and settled."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [  # noqa: RUF012
        ("applications", "0020_one_index_less"),
        ("provisioning", "0012_lasting"),
    ]

    operations = [  # noqa: RUF012
        migrations.AlterField(
            model_name="operation",
            name="application",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="operations",
                to="applications.application",
            ),
        ),
    ]
