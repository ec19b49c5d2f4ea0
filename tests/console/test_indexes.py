"""Pages find their rows by indexes. Whether the database would use one is asked with sequential
scans priced so high that only a query which nothing helps still has one: that depends on the
indexes alone, not on how many rows a test has."""

from __future__ import annotations

import re
from collections.abc import Iterable

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.console.company import Sample

#: Of these there are hundreds of thousands.
LARGE = {
    "people_person", "applications_account", "provisioning_operation", "audit_event",
    "sources_sourcerecord", "signin_session", "sso_applicationsession", "sso_signon",
    "sso_notice", "signals_signal", "runs_runissue",
}  # fmt: skip
#: What is counted ahead where there is much: see `figures`.
_COUNTED = re.compile(r"COUNT\(.*GROUP BY|lower\(|figures", re.IGNORECASE | re.DOTALL)
PAGES = (
    "people/", "people/?state=active", "people/?department=Support", "people/?application=chat",
    "people/?q=anna", "people/?problem=held", "audit/", "audit/?application=chat",
    "audit/?action=person.added", "audit/?person=10482", "tasks/", "runs/", "signals/",
    "applications/workspace/accounts/", "applications/workspace/accounts/?situation=unmatched",
    "sources/hr/", "requests/",
)  # fmt: skip


def scanned(queries: Iterable[str]) -> list[tuple[str, str]]:
    """(table, query) of those that go through a whole large table."""
    found = []
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for query in queries:
            if not query.lstrip("( ").startswith("SELECT") or _COUNTED.search(query):
                continue
            cursor.execute(f"EXPLAIN {query}")
            plan = "\n".join(line for (line,) in cursor.fetchall())
            found += [(t, query) for t in re.findall(r"Seq Scan on (\w+)", plan) if t in LARGE]
    return found


def test_no_page_goes_through_a_large_table(sample: Sample, owner: Client) -> None:
    for path in PAGES:
        with CaptureQueriesContext(connection) as caught:
            assert owner.get(f"/console/{path}").status_code == 200, path
        assert scanned({query["sql"] for query in caught}) == [], path


def test_what_no_index_helps_is_noticed(db: None) -> None:
    query = "SELECT * FROM people_person WHERE termination_reason = 'x'"
    assert scanned([query]) == [("people_person", query)]
