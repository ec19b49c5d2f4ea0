"""Whether somebody who comes under a new number was here before: rules, questions, answers."""

import django.db.models.deletion
import django.db.models.functions.datetime
from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("people", "0002_names"),
        ("sources", "0001_initial"),
    ]

    operations: ClassVar = [
        migrations.AddField(
            model_name="source",
            name="rehire",
            field=models.JSONField(default=list),
        ),
        migrations.CreateModel(
            name="RehireQuestion",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.CharField(max_length=200)),
                ("candidates", models.JSONField(default=list)),
                ("row", models.JSONField(default=dict)),
                (
                    "asked_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                (
                    "answer",
                    models.CharField(
                        blank=True,
                        choices=[("same", "The same person"), ("other", "Somebody else")],
                        max_length=8,
                    ),
                ),
                ("answered_at", models.DateTimeField(null=True)),
                ("answered_by", models.CharField(blank=True, max_length=200)),
                ("reason", models.TextField(blank=True)),
                ("former_number", models.CharField(blank=True, max_length=100)),
                ("before", models.JSONField(default=dict)),
                (
                    "person",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="rehires",
                        to="people.person",
                    ),
                ),
                (
                    "source",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rehires",
                        to="sources.source",
                    ),
                ),
            ],
            options={
                "ordering": ["asked_at", "id"],
                "constraints": [
                    models.UniqueConstraint(fields=("source", "key"), name="rehire_question_once")
                ],
            },
        ),
    ]
