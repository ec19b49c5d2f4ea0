"""How many accounts there are, kept by the statements that write them: see `AccountTally`."""

from django.db import migrations, models

_TALLY = """
    INSERT INTO applications_accounttally (application_id, situation, open, held, delta)
    SELECT application_id, situation, open, held, sum(n) FROM (
        {rows}
    ) AS changed
    GROUP BY application_id, situation, open, held
    HAVING sum(n) <> 0
"""
_ROWS = """
        SELECT application_id, situation, active IS DISTINCT FROM false AS open, '' AS held,
            {sign} AS n
        FROM {table}
        UNION ALL
        SELECT application_id, '', true, item.key, {sign}
        FROM {table}, jsonb_array_elements_text(entitlements) AS item (key)
        WHERE situation <> 'deleted' AND active IS DISTINCT FROM false
"""


def tally(*sides: tuple[str, int]) -> str:
    rows = "UNION ALL".join(_ROWS.format(table=table, sign=sign) for table, sign in sides)
    return _TALLY.format(rows=rows)


FORWARD = f"""
CREATE FUNCTION applications_tally_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {tally(("fresh", 1))};
    RETURN NULL;
END
$$;
CREATE FUNCTION applications_tally_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {tally(("fresh", 1), ("stale", -1))};
    RETURN NULL;
END
$$;
CREATE FUNCTION applications_tally_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    {tally(("stale", -1))};
    RETURN NULL;
END
$$;
CREATE FUNCTION applications_tally_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM applications_accounttally;
    RETURN NULL;
END
$$;
CREATE TRIGGER account_tally_insert AFTER INSERT ON applications_account
    REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION applications_tally_insert();
CREATE TRIGGER account_tally_update AFTER UPDATE ON applications_account
    REFERENCING NEW TABLE AS fresh OLD TABLE AS stale
    FOR EACH STATEMENT EXECUTE FUNCTION applications_tally_update();
CREATE TRIGGER account_tally_delete AFTER DELETE ON applications_account
    REFERENCING OLD TABLE AS stale
    FOR EACH STATEMENT EXECUTE FUNCTION applications_tally_delete();
CREATE TRIGGER account_tally_truncate AFTER TRUNCATE ON applications_account
    FOR EACH STATEMENT EXECUTE FUNCTION applications_tally_truncate();
{tally(("applications_account", 1))};
"""
BACKWARD = """
DROP TRIGGER account_tally_insert ON applications_account;
DROP TRIGGER account_tally_update ON applications_account;
DROP TRIGGER account_tally_delete ON applications_account;
DROP TRIGGER account_tally_truncate ON applications_account;
DROP FUNCTION applications_tally_insert();
DROP FUNCTION applications_tally_update();
DROP FUNCTION applications_tally_delete();
DROP FUNCTION applications_tally_truncate();
"""


class Migration(migrations.Migration):
    dependencies = [("applications", "0010_single_sign_on")]  # noqa: RUF012
    operations = [  # noqa: RUF012
        migrations.CreateModel(
            name="AccountTally",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("application_id", models.BigIntegerField()),
                ("situation", models.CharField(max_length=16)),
                ("open", models.BooleanField()),
                ("held", models.CharField(blank=True, max_length=320)),
                ("delta", models.BigIntegerField()),
            ],
            options={
                "indexes": [models.Index(fields=["application_id"], name="tally_application")],
            },
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
