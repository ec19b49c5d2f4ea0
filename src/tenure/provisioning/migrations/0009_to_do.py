"""What is being sent leaves the index of what is to be sent: then PostgreSQL cannot take that index,
with everything that waits in it, to look whether somebody's operation is under way. It did where it
believed that nothing waits, as after a plan that was held and is approved."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("provisioning", "0008_sealed")]

    operations: ClassVar = [
        migrations.RemoveIndex(model_name="operation", name="operation_to_do"),
        migrations.AddIndex(
            model_name="operation",
            index=models.Index(
                condition=models.Q(("state__in", ["planned", "retrying", "unknown"])),
                fields=["application", "urgency", "id"],
                name="operation_to_do",
            ),
        ),
    ]
