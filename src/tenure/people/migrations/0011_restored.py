"""Whether the tables are those of a backup."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("people", "0010_fewer_entries")]  # noqa: RUF012

    operations = [  # noqa: RUF012
        migrations.AddField(
            model_name="company",
            name="restored_at",
            field=models.DateTimeField(null=True),
        ),
    ]
