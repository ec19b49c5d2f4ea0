"""When a passkey last signed in a session; those that there are began with theirs."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("signin", "0002_passkeys_and_invitations")]

    operations = [
        migrations.AddField(
            model_name="session",
            name="passkey_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.RunSQL(
            "UPDATE signin_session SET passkey_at = began_at WHERE how IN ('passkey', 'qr')",
            migrations.RunSQL.noop,
        ),
    ]
