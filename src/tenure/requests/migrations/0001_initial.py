"""Requests for access."""

import uuid
from typing import ClassVar

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

_STATES = [
    ("waiting", "Waits"),
    ("approved", "Approved"),
    ("rejected", "Rejected"),
    ("withdrawn", "Withdrawn"),
    ("expired", "Nobody answered"),
    ("closed", "Closed"),
]
_ROUTES = [
    ("manager", "manager"),
    ("owner", "owner"),
    ("named", "named"),
    ("administrators", "administrators"),
]


def _key(to: str, name: str) -> models.ForeignKey:
    return models.ForeignKey(
        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name=name, to=to
    )


class Migration(migrations.Migration):
    initial = True
    dependencies: ClassVar = [("people", "0007_admitted"), ("rules", "0002_drafts")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="AccessRequest",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("application", models.SlugField(max_length=100)),
                ("entitlement", models.CharField(blank=True, max_length=309)),
                ("reason", models.TextField()),
                ("lasts", models.DurationField()),
                (
                    "state",
                    models.CharField(choices=_STATES, default="waiting", max_length=16),
                ),
                (
                    "asked_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                ("expires_at", models.DateTimeField()),
                ("route", models.CharField(choices=_ROUTES, max_length=16)),
                ("told", models.JSONField(default=list)),
                ("reminded_at", models.DateTimeField(null=True)),
                ("decided_at", models.DateTimeField(null=True)),
                ("decided_by", models.CharField(blank=True, max_length=200)),
                ("answer", models.TextField(blank=True)),
                ("end_told_at", models.DateTimeField(null=True)),
                ("decider", _key("people.person", "decided_requests")),
                ("exception", _key("rules.accessexception", "requests")),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="requests",
                        to="people.person",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "waiting")),
                        fields=["application"],
                        name="request_waiting",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "waiting")),
                        fields=("person", "application", "entitlement"),
                        name="request_waits_once",
                    )
                ],
            },
        ),
    ]
