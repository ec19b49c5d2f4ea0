"""What guards count, by indexes of its own: what nobody decided is never more than they allow, however
much is approved and waits, or was done in the window."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("provisioning", "0010_fewer_checks")]

    operations: ClassVar = [
        migrations.AddIndex(
            model_name="operation",
            index=models.Index(
                fields=["application", "kind", "person"],
                condition=models.Q(
                    decided_by="",
                    state__in=["held", "manual", "planned", "retrying", "started", "unknown"],
                ),
                name="operation_undecided",
            ),
        ),
        migrations.AddIndex(
            model_name="operation",
            index=models.Index(
                fields=["application", "finished_at"],
                condition=models.Q(decided_by="", state="done"),
                name="operation_done_undecided",
            ),
        ),
    ]
