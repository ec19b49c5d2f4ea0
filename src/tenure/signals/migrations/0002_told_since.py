"""Of which closing somebody's stream was told: who came back and is closed anew is told of again."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("signals", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="told", name="since", field=models.DateTimeField(null=True)
        ),
    ]
