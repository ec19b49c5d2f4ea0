"""Browsers that people have signed in with."""

from typing import ClassVar

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models.functions import Now

HOW = [
    ("link", "One-time link"),
    ("passkey", "Passkey"),
    ("qr", "Phone, by QR code"),
    ("recovery_code", "Recovery code"),
    ("onboarding", "Onboarding"),
]


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("people", "0007_admitted"),
        ("signin", "0004_task_reminders"),
    ]

    operations: ClassVar = [
        migrations.CreateModel(
            name="Device",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("digest", models.BinaryField(max_length=32)),
                ("browser", models.CharField(max_length=100)),
                ("address", models.GenericIPAddressField(null=True)),
                ("how", models.CharField(choices=HOW, max_length=16)),
                ("first_at", models.DateTimeField(db_default=Now())),
                ("seen_at", models.DateTimeField()),
                (
                    "person",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="devices",
                        to="people.person",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="devices",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-seen_at", "-id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("person__isnull", True), ("user__isnull", False)),
                            models.Q(("person__isnull", False), ("user__isnull", True)),
                            _connector="OR",
                        ),
                        name="device_has_one_owner",
                    ),
                    models.UniqueConstraint(
                        fields=("digest", "user", "person"),
                        name="device_once_for_each_owner",
                        nulls_distinct=False,
                    ),
                ],
            },
        ),
    ]
