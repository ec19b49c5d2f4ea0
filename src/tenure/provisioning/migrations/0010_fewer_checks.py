"""A plan makes its run in the transaction that stores its operations, and no run is ever deleted: the
database need not look it up for each operation. Most operations are on no account yet, and need no
entry in the index of accounts."""

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("provisioning", "0009_to_do")]

    operations: ClassVar = [
        migrations.AlterField(
            model_name="operation",
            name="run",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="operations",
                to="runs.run",
            ),
        ),
        migrations.AlterField(
            model_name="operation",
            name="account",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="operations",
                to="applications.account",
            ),
        ),
        migrations.AddIndex(
            model_name="operation",
            index=models.Index(
                condition=models.Q(("account__isnull", False)),
                fields=["account"],
                name="operation_account",
            ),
        ),
    ]
