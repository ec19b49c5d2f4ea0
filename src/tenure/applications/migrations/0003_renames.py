"""Whether a login follows its owner, and whose account a name is on, found by index."""

from typing import ClassVar

from django.db import migrations, models
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce, Lower


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("applications", "0002_oauth"),
        ("people", "0002_names"),
    ]

    operations: ClassVar = [
        migrations.AddField(
            model_name="application",
            name="on_rename",
            field=models.CharField(
                choices=[("keep", "It stays"), ("change", "It follows the name")],
                default="change",
                max_length=16,
            ),
        ),
        migrations.AddIndex(
            model_name="account",
            index=models.Index(Lower("user_name"), name="account_login"),
        ),
        migrations.AddIndex(
            model_name="account",
            index=models.Index(
                Lower(
                    Coalesce(
                        KeyTextTransform("emails.work", "attributes"),
                        KeyTextTransform("email", "attributes"),
                        models.Value(""),
                    )
                ),
                name="account_address",
            ),
        ),
    ]
