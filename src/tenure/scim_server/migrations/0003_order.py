"""Tokens that were revoked can have the name of one that holds."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("scim_server", "0002_hooks")]

    operations: ClassVar = [
        migrations.AlterModelOptions(
            name="pushtoken", options={"ordering": ["source_id", "name", "id"]}
        ),
    ]
