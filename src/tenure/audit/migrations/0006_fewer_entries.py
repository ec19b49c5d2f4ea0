"""An event about a person, or about no application, is not kept where nobody looks for it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("audit", "0005_runs")]  # noqa: RUF012

    operations = [  # noqa: RUF012
        migrations.RemoveIndex(model_name="event", name="event_application"),
        migrations.RemoveIndex(model_name="event", name="event_subject"),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                fields=["application", "-id"],
                condition=~models.Q(application=""),
                name="event_application",
            ),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                fields=["subject_kind", "subject_key", "-id"],
                condition=~models.Q(subject_kind="person"),
                name="event_subject",
            ),
        ),
    ]
