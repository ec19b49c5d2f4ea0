"""Sensitive values wait sealed beside what is shown of an operation."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("provisioning", "0007_fewer_indexes")]  # noqa: RUF012

    operations = [  # noqa: RUF012
        migrations.AddField(
            model_name="operation",
            name="sealed",
            field=models.TextField(blank=True, default="", db_default=""),
        ),
    ]
