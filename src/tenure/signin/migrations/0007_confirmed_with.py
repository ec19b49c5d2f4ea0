"""With which passkey a session was confirmed last: the one that began it stays known, too."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("signin", "0006_wallets")]

    operations = [
        migrations.AddField(
            model_name="session",
            name="confirmed_with",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="signin.passkey",
            ),
        ),
    ]
