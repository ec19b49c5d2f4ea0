from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("provisioning", "0001_initial")]

    operations = [
        migrations.AddIndex(
            model_name="operation",
            index=models.Index(
                condition=models.Q(("state__in", ["started", "unknown", "retrying"])),
                fields=["application", "person"],
                name="operation_busy",
            ),
        ),
    ]
