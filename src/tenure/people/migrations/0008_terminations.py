from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('people', '0007_admitted'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='person',
            index=models.Index(condition=models.Q(('terminated_at__isnull', False)), fields=['terminated_at'], name='person_terminated'),
        ),
    ]
