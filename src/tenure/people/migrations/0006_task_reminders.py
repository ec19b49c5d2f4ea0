"""Reminders of what has to be done by hand."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("people", "0005_words")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="company",
            name="task_reminders",
            field=models.BooleanField(default=True),
        ),
        migrations.AddField(
            model_name="company",
            name="tasks_to",
            field=models.CharField(blank=True, default="", max_length=254),
            preserve_default=False,
        ),
    ]
