"""Tallies look at the accounts of which a statement changed something that is counted; most updates
change nothing of it."""

from django.db import migrations

FORWARD = """
CREATE OR REPLACE FUNCTION applications_tally_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO applications_accounttally (application_id, situation, open, held, delta)
    WITH changed AS MATERIALIZED (
        SELECT fresh.application_id AS application, fresh.situation AS situation,
            fresh.active IS DISTINCT FROM false AS open, fresh.entitlements AS held,
            stale.application_id AS old_application, stale.situation AS old_situation,
            stale.active IS DISTINCT FROM false AS old_open, stale.entitlements AS old_held
        FROM fresh JOIN stale USING (id)
        WHERE fresh.situation <> stale.situation
            OR fresh.active IS DISTINCT FROM stale.active
            OR fresh.entitlements <> stale.entitlements
            OR fresh.application_id <> stale.application_id
    )
    SELECT application_id, situation, open, held, sum(n) FROM (
        SELECT application AS application_id, situation, open, '' AS held, 1 AS n FROM changed
        UNION ALL
        SELECT old_application, old_situation, old_open, '', -1 FROM changed
        UNION ALL
        SELECT application, '', true, item.key, 1
        FROM changed, jsonb_array_elements_text(held) AS item (key)
        WHERE situation <> 'deleted' AND open
        UNION ALL
        SELECT old_application, '', true, item.key, -1
        FROM changed, jsonb_array_elements_text(old_held) AS item (key)
        WHERE old_situation <> 'deleted' AND old_open
    ) AS counted
    GROUP BY application_id, situation, open, held
    HAVING sum(n) <> 0;
    RETURN NULL;
END
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("applications", "0011_tallies")]  # noqa: RUF012
    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]  # noqa: RUF012
