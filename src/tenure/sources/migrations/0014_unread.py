from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sources", "0013_held_numbers")]

    operations = [
        migrations.AddField(
            model_name="sourcerecord",
            name="unread",
            field=models.TextField(blank=True, db_default=""),
        ),
        migrations.AddField(
            model_name="sourcerecord",
            name="unread_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddIndex(
            model_name="sourcerecord",
            index=models.Index(
                fields=["source", "unread_at"],
                condition=models.Q(("unread", ""), _negated=True),
                name="source_record_unread",
            ),
        ),
    ]
