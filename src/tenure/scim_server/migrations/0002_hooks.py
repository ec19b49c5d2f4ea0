"""Tokens by which a source that signs nothing says that something changed."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("scim_server", "0001_initial")]  # noqa: RUF012

    operations = [  # noqa: RUF012
        migrations.AlterField(
            model_name="pushtoken",
            name="scope",
            field=models.CharField(
                choices=[
                    ("read", "Reads"),
                    ("write", "Reads and writes"),
                    ("hook", "Says that something changed"),
                ],
                default="write",
                max_length=16,
            ),
        ),
        migrations.AddField("pushtoken", "networks", models.JSONField(default=list)),
        migrations.AddField("pushtoken", "shown", models.IntegerField(default=0)),
        migrations.AddField("pushtoken", "shown_since", models.DateTimeField(null=True)),
    ]
