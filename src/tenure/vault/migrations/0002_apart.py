"""What people entered and what Tenure keeps for itself have names of their own: neither is written
over by the other."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("vault", "0001_initial")]

    operations = [
        migrations.AlterField(
            model_name="sealed", name="name", field=models.CharField(max_length=200)
        ),
        migrations.AddConstraint(
            model_name="sealed",
            constraint=models.UniqueConstraint(fields=["name", "ours"], name="sealed_name_once"),
        ),
    ]
