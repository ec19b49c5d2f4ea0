"""Finding people by words of what they are called, and by what they are called exactly, through the
index of words: of a hundred thousand none is looked at who has not got them."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL

from tenure.people.models import Person

#: Letters that Unicode does not take apart into a base and an accent, and how they are typed.
_PLAIN: Final = str.maketrans("øłđıħŧ", "oldiht")
_WORDS: Final = re.compile(r"[\s,;'’()/\"-]+")
#: What the index `person_words` holds: the words of a person's name, without accents and in small
#: letters, their e-mail and their employee number (see migration 0005).
WORDS_SQL: Final = (
    'people_words("people_person"."display_name"::text, "people_person"."email"::text, '
    '"people_person"."employee_number"::text)'
)


def words(text: str) -> list[str]:
    """The words of a search, in the form in which `WORDS_SQL` keeps them."""
    plain = unicodedata.normalize("NFKD", text.lower().replace("\0", " "))
    plain = "".join(c for c in plain if not "\u0300" <= c <= "\u036f").translate(_PLAIN)
    return [part[:100] for part in re.split(_WORDS, plain) if part][:8]


def having_words(rows: QuerySet[Person], search: str) -> QuerySet[Person]:
    """Those of them who have every word of it, or a longer one that begins so."""
    wanted = words(search)
    if not wanted:
        return rows
    query = " & ".join(f"'{_quoted(word)}':*" for word in wanted)
    return rows.filter(RawSQL(f"{WORDS_SQL} @@ %s::tsquery", [query], output_field=BooleanField()))


def with_email(email: str) -> QuerySet[Person]:
    """Whose corporate address it is, whatever the case."""
    return having_words(Person.objects.all(), email).filter(email__iexact=email)


def called(name: str) -> QuerySet[Person]:
    """Who is called so, whatever the case."""
    return having_words(Person.objects.all(), name).filter(display_name__iexact=name)


def _quoted(word: str) -> str:
    """As a lexeme of `tsquery` is written."""
    return word.replace("\\", "\\\\").replace("'", "''")
