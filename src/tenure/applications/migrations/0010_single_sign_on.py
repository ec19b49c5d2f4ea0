"""How people sign in to an application."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("applications", "0009_unsure_until")]

    operations = [
        migrations.AddField(
            model_name="application",
            name="single_sign_on",
            field=models.JSONField(default=dict),
        ),
    ]
