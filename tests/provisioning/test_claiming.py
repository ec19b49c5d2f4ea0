"""How what is sent next is found, whatever PostgreSQL believes to be in the table."""

from __future__ import annotations

import pytest
from django.db import connection

from tenure.applications.models import Application
from tenure.infra.clock import now
from tenure.provisioning.claiming import query
from tests.provisioning.company import Company


@pytest.mark.django_db
def test_a_backlog_is_never_searched_for_what_is_under_way() -> None:
    """Not even where PostgreSQL has no other index, or takes that of the backlog for empty."""
    Company().application("chat")
    sql, given = query(Application.objects.get(), 100, now())
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX operation_busy, operation_open_once, operation_unsettled")
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute(f"EXPLAIN {sql}", given)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "operation_to_do on provisioning_operation due" in plan
    # Who it is for is looked up when it is chosen: joined before, all people were gone through for
    # each operation.
    assert plan.index("CTE Scan on chosen") < plan.index("people_person")
    assert "operation_to_do on provisioning_operation other" not in plan
