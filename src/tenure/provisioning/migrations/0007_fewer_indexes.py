"""Two indexes that others begin with go: every operation that is planned had to be written to them."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [  # noqa: RUF012
        ("people", "0007_admitted"),
        ("provisioning", "0006_run_kinds"),
        ("runs", "0002_paused"),
    ]

    operations = [  # noqa: RUF012
        migrations.AlterField(
            model_name="operation",
            name="person",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="operations",
                to="people.person",
            ),
        ),
        migrations.AlterField(
            model_name="operation",
            name="run",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="operations",
                to="runs.run",
            ),
        ),
    ]
