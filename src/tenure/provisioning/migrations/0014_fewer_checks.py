"""An account is never deleted while an operation is there that points to it (see `models`): whether
it is there need not be looked up, row by row, whenever an operation is settled."""

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("applications", "0001_initial"),
        ("provisioning", "0013_remarks"),
    ]

    operations: ClassVar = [
        migrations.AlterField(
            model_name="operation",
            name="account",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="operations",
                to="applications.account",
            ),
        ),
    ]
