"""Who waits for whom where several write at once: outcomes, plans, what is read.

Whoever changes several accounts, or several operations, takes them in order first. Of two who take
them otherwise each may wait for the other, until the database ends one of them.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from django.db import connection
from django.db.models import Model

from tenure.applications.models import Account, Application
from tenure.infra.bulk import array
from tenure.provisioning.models import Operation

#: Held by whoever stores accounts that nobody here knew; whoever made them shares it.
_NEW_ACCOUNTS = 0x7EE


def take_accounts(keys: AbstractSet[int]) -> None:
    """Nobody else changes these before the caller's transaction ends."""
    if keys:
        _take(Account, keys)


def take_operations(keys: AbstractSet[int]) -> None:
    """The same of operations. Accounts are taken before them."""
    _take(Operation, keys)


def before_new_accounts(application: Application, *, made: bool) -> None:
    """Until the transaction ends no page of a listing is stored beside the outcomes of what was
    `made`: each would not see the other's, and both would store the same account."""
    kind = "pg_advisory_xact_lock_shared" if made else "pg_advisory_xact_lock"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {kind}(%s, %s)", [_NEW_ACCOUNTS, application.pk])


def _take(model: type[Model], keys: AbstractSet[int]) -> None:
    """In the order of their ids; none of them is read for it."""
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM (SELECT id FROM {table} WHERE id = ANY(%s::bigint[])"
            " ORDER BY id FOR NO KEY UPDATE) AS taken",
            [array(keys)],
        )
