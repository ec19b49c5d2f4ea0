from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("rules", "0002_drafts")]

    operations = [
        migrations.AddField(
            model_name="accessexception",
            name="by_themselves",
            field=models.BooleanField(db_default=False),
        ),
    ]
