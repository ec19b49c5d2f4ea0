"""How often an application is read by itself: once a day, as it was for all of them."""

import datetime
from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("applications", "0020_one_index_less")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="application",
            name="reconcile_every",
            field=models.DurationField(
                null=True,
                default=datetime.timedelta(days=1),
                db_default=datetime.timedelta(days=1),
            ),
        ),
    ]
