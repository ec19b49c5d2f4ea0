"""How names are made and kept, and whose missing last day is told."""

import datetime
from typing import ClassVar

from django.db import migrations, models
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Lower

import tenure.people.models


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("people", "0001_initial"),
    ]

    operations: ClassVar = [
        migrations.AddField(
            model_name="company",
            name="name_retention",
            field=models.DurationField(default=datetime.timedelta(days=365), null=True),
        ),
        migrations.AddField(
            model_name="company",
            name="on_rename",
            field=models.CharField(
                choices=[("keep", "It stays"), ("change", "It follows the name")],
                default="keep",
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="company",
            name="user_name_formats",
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name="company",
            name="warn_without_end",
            field=models.JSONField(default=tenure.people.models.contractors),
        ),
        migrations.AddIndex(
            model_name="person",
            index=models.Index(
                Lower(KeyTextTransform("employment_type", "attributes")),
                condition=models.Q(end_date__isnull=True),
                name="person_endless",
            ),
        ),
    ]
