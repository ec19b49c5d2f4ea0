import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("setup", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="DraftAuthorization",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("scopes", models.JSONField(default=list)),
                ("granted_at", models.DateTimeField()),
                ("granted_by", models.CharField(max_length=200)),
                ("access_expires_at", models.DateTimeField(null=True)),
                ("renew_at", models.DateTimeField(null=True)),
                ("renewed_at", models.DateTimeField(null=True)),
                ("refused_at", models.DateTimeField(null=True)),
                ("refused_reason", models.TextField(blank=True)),
                (
                    "draft",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="authorization",
                        to="setup.sourcedraft",
                    ),
                ),
            ],
            options={"abstract": False},
        )
    ]
