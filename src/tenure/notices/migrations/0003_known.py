from __future__ import annotations

from typing import Any, ClassVar

from django.db import migrations, models

#: What could be chosen before it was kept what that was. One kind had just been added.
_BEFORE = (
    "held",
    "import_held",
    "application_stopped",
    "writes_stopped",
    "credential_expiring",
    "task_overdue",
    "operations_failed",
    "request_waits",
)


def known_before(apps: Any, schema_editor: Any) -> None:
    for row in apps.get_model("notices", "Target").objects.order_by("pk"):
        row.known = [*_BEFORE, *(kind for kind in row.kinds if kind not in _BEFORE)]
        row.save(update_fields=["known"])


class Migration(migrations.Migration):
    dependencies: ClassVar = [("notices", "0002_over")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="target", name="known", field=models.JSONField(default=list)
        ),
        migrations.RunPython(known_before, migrations.RunPython.noop),
    ]
