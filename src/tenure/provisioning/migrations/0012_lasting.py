"""What failed and comes back by itself, by an index of its own: few ever do."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("provisioning", "0011_undecided")]

    operations: ClassVar = [
        migrations.AddIndex(
            model_name="operation",
            index=models.Index(
                fields=["not_before"],
                condition=models.Q(state="failed", not_before__isnull=False),
                name="operation_comes_back",
            ),
        ),
        migrations.AddIndex(
            model_name="operation",
            index=models.Index(
                fields=["application"],
                condition=models.Q(
                    finished_at__isnull=False,
                    state__in=["planned", "retrying", "started", "unknown"],
                ),
                name="operation_came_back",
            ),
        ),
    ]
