"""What has the same name comes in one order too."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("applications", "0016_account_person_once")]

    operations: ClassVar = [
        migrations.AlterModelOptions(
            name="account", options={"ordering": ["application_id", "user_name", "id"]}
        ),
        migrations.AlterModelOptions(
            name="entitlement", options={"ordering": ["kind", "name", "id"]}
        ),
    ]
