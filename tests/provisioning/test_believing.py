"""What one changed person costs does not depend on what PostgreSQL saw of the plan before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from tenure.people.models import Person
from tenure.provisioning.models import Operation
from tenure.provisioning.planning import plans
from tenure.provisioning.planning.drafting import Scope
from tests.provisioning.company import Company, change


@pytest.mark.django_db(transaction=True)
def test_a_plan_that_autovacuum_met_halfway_is_not_taken_for_empty(database_url: str) -> None:
    """It saw many pages and nothing in them that was committed."""
    company = Company()
    company.application("chat")
    company.rule("everybody", "true", {"chat": []})
    Person.objects.bulk_create(
        Person(
            employee_number=str(number),
            display_name=f"Person {number}",
            state="active",
            attributes={"email": f"p{number}@acme.example", "display_name": f"Person {number}"},
        )
        for number in range(1500)
    )
    with psycopg.connect(database_url, autocommit=True) as before:
        # What other tests left behind is no part of what is looked at.
        before.execute("VACUUM FULL provisioning_operation")
    with psycopg.connect(database_url, autocommit=True) as autovacuum, transaction.atomic():
        plans.store(Scope())
        autovacuum.execute("ANALYZE provisioning_operation")
    assert Operation.objects.count() == 1500
    change(Person.objects.get(employee_number="700"), title="Lead")
    looked_at = _Blocks()
    with connection.execute_wrapper(looked_at):
        plans.store(Scope())
    assert looked_at.statements > 5
    # Each finds it by an index. Those of all that waits are some fifty blocks.
    assert looked_at.most < 20, looked_at.of


class _Blocks:
    """How many blocks are looked at by what is asked of operations."""

    def __init__(self) -> None:
        self.statements, self.most, self.of = 0, 0, ""

    def __call__(
        self,
        execute: Callable[..., Any],
        sql: str,
        params: Sequence[object] | None,
        many: bool,
        context: dict[str, Any],
    ) -> Any:
        if sql.startswith("SELECT") and 'FROM "provisioning_operation"' in sql:
            cursor = context["cursor"].cursor
            cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", params)
            ((found,),) = cursor.fetchall()
            plan = found[0]["Plan"]
            blocks = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
            self.statements += 1
            if blocks > self.most:
                self.most, self.of = blocks, f"{sql}\n{plan}"
        return execute(sql, params, many, context)
