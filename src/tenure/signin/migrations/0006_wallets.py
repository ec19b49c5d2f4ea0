"""What wallets are asked."""

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models
from django.db.models.functions import Now

OUTCOMES = [
    ("verified", "What HR has"),
    ("differs", "Not what HR has"),
    ("refused", "Not believed"),
    ("declined", "Nothing was shown"),
]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("signin", "0005_devices")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="WalletRequest",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("token_digest", models.BinaryField(max_length=32, unique=True)),
                ("nonce", models.CharField(max_length=64)),
                ("state", models.CharField(max_length=64)),
                ("started_at", models.DateTimeField(db_default=Now())),
                ("expires_at", models.DateTimeField()),
                ("fetched_at", models.DateTimeField(null=True)),
                ("answered_at", models.DateTimeField(null=True)),
                ("outcome", models.CharField(blank=True, choices=OUTCOMES, max_length=16)),
                (
                    "pairing",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="wallet_requests",
                        to="signin.pairing",
                    ),
                ),
            ],
        ),
    ]
