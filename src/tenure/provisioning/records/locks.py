"""Who waits for whom where several write at once: outcomes, plans, what is read.

Whoever changes several accounts, or several operations, takes them in order first. Of two who take
them otherwise each may wait for the other, until the database ends one of them.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from django.db import connection

from tenure.applications.models import Account, Application
from tenure.infra.bulk import among
from tenure.provisioning.models import Operation

#: Held by whoever stores accounts that nobody here knew; whoever made them shares it.
_NEW_ACCOUNTS = 0x7EE


def take_accounts(keys: AbstractSet[int]) -> None:
    """Nobody else changes these before the caller's transaction ends."""
    if not keys:
        return
    rows = Account.objects.filter(pk__in=among(keys)).order_by("pk")
    list(rows.select_for_update(no_key=True).values_list("pk"))


def take_operations(keys: AbstractSet[int]) -> None:
    """The same of operations. Accounts are taken before them."""
    rows = Operation.objects.filter(pk__in=among(keys)).order_by("pk")
    list(rows.select_for_update(no_key=True).values_list("pk"))


def before_new_accounts(application: Application, *, made: bool) -> None:
    """Until the transaction ends no page of a listing is stored beside the outcomes of what was
    `made`: each would not see the other's, and both would store the same account."""
    kind = "pg_advisory_xact_lock_shared" if made else "pg_advisory_xact_lock"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {kind}(%s, %s)", [_NEW_ACCOUNTS, application.pk])
