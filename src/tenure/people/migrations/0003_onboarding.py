"""The company's colour, and how it takes people in."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("people", "0002_names"),
    ]

    operations = [
        migrations.AddField(
            model_name="company",
            name="colour",
            field=models.CharField(blank=True, max_length=7),
        ),
        migrations.AddField(
            model_name="company",
            name="onboarding",
            field=models.JSONField(default=dict),
        ),
    ]
