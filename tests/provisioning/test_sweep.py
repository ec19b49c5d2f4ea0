"""What the sweep asks every few seconds costs the same with a backlog of any length."""

from __future__ import annotations

import re

import pytest

from tenure.infra.clock import now
from tenure.infra.in_order import in_order_of_index
from tenure.provisioning.tasks import with_work
from tests.provisioning.company import Company


@pytest.mark.django_db
def test_a_backlog_is_never_gone_through_to_see_that_there_is_one() -> None:
    """One operation of each application is looked for, where the index has it, whatever
    PostgreSQL believes to be in the table."""
    Company().application("chat")
    with in_order_of_index():
        plan = with_work(now()).explain()
    looked = re.findall(r"Scan (?:using|on) (\w+)(?: on (\w+))?", plan)
    assert {index for index, table in looked if table == "provisioning_operation"} == {
        "operation_to_do",
        "operation_busy",
    }, plan
    # What tests add to an order that leaves something open sorts within what the index has sorted.
    plan = plan.replace("Incremental Sort", "").replace("Sort Key", "")
    assert not re.search("Sort|Join|Bitmap|Seq Scan on provisioning", plan), plan
