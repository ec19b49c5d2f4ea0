"""Nobody changes or deletes an event: sealing may fill in its place and digest, once."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION audit_event_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE'
        AND OLD.position IS NULL AND OLD.digest IS NULL
        AND NEW.position IS NOT NULL AND NEW.digest IS NOT NULL
        AND (to_jsonb(NEW) - 'position' - 'digest') = (to_jsonb(OLD) - 'position' - 'digest')
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'The audit trail is append-only: event % stays as it is.', OLD.id;
END
$$;
CREATE TRIGGER audit_event_append_only BEFORE UPDATE OR DELETE ON audit_event
    FOR EACH ROW EXECUTE FUNCTION audit_event_is_append_only();
"""

BACKWARD = """
DROP TRIGGER audit_event_append_only ON audit_event;
DROP FUNCTION audit_event_is_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]  # noqa: RUF012
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]  # noqa: RUF012
