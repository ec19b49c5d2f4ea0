"""How what is sent next is found, whatever PostgreSQL believes to be in the table."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.test.utils import CaptureQueriesContext

from tenure.applications.models import Application
from tenure.infra.clock import now
from tenure.infra.in_order import in_order_of_index
from tenure.provisioning.execution import postponed
from tenure.provisioning.execution.claiming import query
from tenure.provisioning.models import Operation
from tenure.provisioning.records import settling
from tenure.runs.models import Run
from tests.provisioning.company import Company


@pytest.fixture(autouse=True)
def nothing_left(db: None) -> None:
    """What other tests left in the table and its indexes would count in its plans."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE provisioning_operation CASCADE")


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


@pytest.mark.django_db
def test_a_backlog_is_never_sorted_to_find_the_first_of_it() -> None:
    """Not even right after it was stored, when PostgreSQL takes it for a few."""
    Company().application("chat")
    application = Application.objects.get()
    Operation.objects.create(application=application, kind="update", state="done")
    sql, given = query(application, 100, now())
    with connection.cursor() as cursor:
        multiply(cursor, "done", 4000)
        multiply(cursor, "planned", 200)
        cursor.execute("ANALYZE provisioning_operation")
        multiply(cursor, "planned", 4000)
        with in_order_of_index():
            cursor.execute(f"EXPLAIN {sql}", given)
            plan = "\n".join(line for (line,) in cursor.fetchall())
        cursor.execute("SHOW enable_sort")
        assert cursor.fetchone() == ("on",)
    chosen = plan[plan.index("CTE chosen") : plan.index("SubPlan")]
    assert "Index Scan using operation_to_do on provisioning_operation due" in chosen, plan
    assert "Sort" not in chosen, plan


@pytest.mark.django_db
def test_after_each_batch_not_everything_is_looked_through_for_what_was_postponed() -> None:
    """Right after much was stored nothing is known of what is postponed."""
    Company().application("chat")
    application = Application.objects.get()
    Operation.objects.create(application=application, kind="create", state="planned")
    with connection.cursor() as cursor:
        multiply(cursor, "planned", 4000)
        cursor.execute("ANALYZE provisioning_operation (id, application_id, kind, state)")
        for whose in (application, None):
            with CaptureQueriesContext(connection) as asked:
                assert not postponed.any_waits(whose)
            cursor.execute(f"EXPLAIN {asked.captured_queries[0]['sql']}")
            plan = "\n".join(line for (line,) in cursor.fetchall())
            assert "Index Scan using operation_postponed" in plan, plan


@pytest.mark.django_db(transaction=True)
def test_what_is_left_of_a_run_is_found_without_what_is_done() -> None:
    """After each batch, while PostgreSQL remembers that all of it was to come."""
    Company().application("chat")
    run = Run.objects.create(kind="execute", state="running")
    application = Application.objects.get()
    Operation.objects.create(application=application, run=run, kind="create", state="planned")
    with connection.cursor() as cursor:
        multiply(cursor, "planned", 4000)
        cursor.execute("ANALYZE provisioning_operation")
        Operation.objects.exclude(pk=Operation.objects.latest("pk").pk).update(state="done")
        # Whoever looks first clears the index of what was planned and is done.
        assert settling.has_any(run.pk, "planned", "held")
        with CaptureQueriesContext(connection) as asked:
            assert settling.has_any(run.pk, "planned")
            assert not settling.has_any(run.pk, "held")
        for query_ in asked.captured_queries:
            cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query_['sql']}")
            ((found,),) = cursor.fetchall()
            plan = found[0]["Plan"]
            assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 20, plan


def multiply(cursor: CursorWrapper, state: str, many: int) -> None:
    """So many more like the first operation, in this state."""
    names = [f.column for f in Operation._meta.concrete_fields if f.column not in ("id", "state")]
    columns = ", ".join(f'"{name}"' for name in names)
    cursor.execute(
        f"INSERT INTO provisioning_operation ({columns}, state) SELECT {columns}, %s FROM"
        " (SELECT * FROM provisioning_operation LIMIT 1) AS it, generate_series(1, %s)",
        [state, many],
    )
