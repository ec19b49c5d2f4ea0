"""The words by which people are found, as a function that an index holds. Its cost keeps the
database
from working it out for everybody; `people.selectors.words` makes the same of what is searched."""

from django.db import migrations

FORWARD = r"""
CREATE FUNCTION people_words(name text, email text, number text) RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 5000 AS $$
BEGIN
    RETURN array_to_tsvector(array_remove(regexp_split_to_array(
        translate(
            regexp_replace(
                normalize(lower(name || ' ' || email || ' ' || coalesce(number, '')), NFKD),
                U&'[\0300-\036F]', '', 'g'
            ),
            'øłđıħŧ', 'oldiht'
        ),
        U&'[\0020\0009,;''\2019()/"-]+'
    ), ''));
END
$$;
CREATE INDEX person_words ON people_person
    USING gin (people_words(display_name::text, email::text, employee_number::text));
"""
BACKWARD = """
DROP INDEX person_words;
DROP FUNCTION people_words(text, text, text);
"""


class Migration(migrations.Migration):
    dependencies = [("people", "0004_departments")]  # noqa: RUF012
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]  # noqa: RUF012
