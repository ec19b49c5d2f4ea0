"""Which names are on somebody's account in an application already, and on whose.

Asked before a name is given to anybody. What is nobody's counts once an application was taken over:
until then it may be the very account of the person who is being named.
"""

from __future__ import annotations

from collections.abc import Collection

from django.db import connection
from django.db.models import Q, QuerySet, TextField, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce, Lower

from tenure.applications.models import Account
from tenure.core.model import Situation

#: The indexes `account_login` and `account_address` are over these very expressions.
LOGIN_SQL = "lower(user_name)"
ADDRESS_SQL = "lower(coalesce(attributes ->> 'emails.work', attributes ->> 'email', ''))"
_ADDRESS = Lower(
    Coalesce(
        KeyTextTransform("emails.work", "attributes"),
        KeyTextTransform("email", "attributes"),
        Value(""),
        output_field=TextField(),
    )
)

HOLDERS_SQL = f"""
    SELECT account.name, account.person_id
    FROM (
        SELECT {LOGIN_SQL} AS name, person_id, situation, application_id
            FROM applications_account WHERE {LOGIN_SQL} = ANY(%(names)s)
        UNION ALL
        SELECT {ADDRESS_SQL} AS name, person_id, situation, application_id
            FROM applications_account WHERE {ADDRESS_SQL} = ANY(%(names)s)
    ) AS account
    JOIN applications_application AS application ON application.id = account.application_id
    WHERE account.situation <> %(deleted)s AND (
        account.person_id IS NOT NULL
        OR account.situation = %(ignored)s
        OR application.taken_over_at IS NOT NULL
    )
"""


def holders(names: Collection[str]) -> dict[str, set[int | None]]:
    """Name, in lower case -> the ids of the people on whose accounts it is, None for nobody's."""
    found: dict[str, set[int | None]] = {}
    with connection.cursor() as cursor:
        cursor.execute(HOLDERS_SQL, holders_arguments(names))
        for name, person in cursor.fetchall():
            found.setdefault(name, set()).add(person)
    return found


def accounts_called(
    names: Collection[str], application: int, *, gone_too: bool = False
) -> QuerySet[Account]:
    """Accounts of the application that are there and have one of these names, as user name or as
    address; `gone_too`: those as well that were deleted."""
    wanted = [name.lower() for name in names]
    rows = Account.objects.filter(application=application)
    if not gone_too:
        rows = rows.exclude(situation=Situation.DELETED.value)
    return (
        rows.alias(login=Lower("user_name"), address=_ADDRESS)
        .filter(Q(login__in=wanted) | Q(address__in=wanted))
        .order_by("pk")
    )


def holders_arguments(names: Collection[str]) -> dict[str, str | list[str]]:
    """What `HOLDERS_SQL` is asked with."""
    return {
        "names": [name.lower() for name in names],
        "deleted": Situation.DELETED.value,
        "ignored": Situation.IGNORED.value,
    }
