"""What machines ask: does this process live, can it serve, and how much waits. Answered before
anything else of a request is looked at, for probes come by an address that is no host of ours.

`/health/live` and `/health/ready` say nothing but yes or no. The numbers at `/metrics`, in
Prometheus' text format, are for whoever has the token of TENURE_METRICS_TOKEN.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse

from tenure.config.upgrading import NewerDatabase, refuse_newer
from tenure.infra.jobs import live_workers, queue_lengths
from tenure.people.services import company

Number: TypeAlias = tuple[str, str, dict[str, str], float]
"""Name, what it is, labels, value."""
_OPEN: Final = ("planned", "held", "started", "retrying", "unknown", "manual", "failed")


class Probes:
    """Middleware, the first of all."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._next = get_response
        self._answers: dict[str, Callable[[HttpRequest], HttpResponse]] = {
            "/health/live": live,
            "/health/ready": ready,
            "/metrics": metrics,
        }

    def __call__(self, request: HttpRequest) -> HttpResponse:
        answer = self._answers.get(request.path)
        if answer is None or request.method not in {"GET", "HEAD"}:
            return self._next(request)
        response = answer(request)
        response["Cache-Control"] = "no-store"
        return response


def live(request: HttpRequest) -> HttpResponse:
    """The process answers: it need not be started again."""
    return JsonResponse({"live": True})


def ready(request: HttpRequest) -> HttpResponse:
    """Whether pages can be served: the database answers, takes something, and has the tables of
    this program."""
    try:
        refuse_newer()
        read_only = _read_only()
    except NewerDatabase:
        return _not_ready("the tables are those of a newer Tenure: start that")
    except (DatabaseError, InterfaceError):
        connection.close()
        return _not_ready("the database does not answer")
    if read_only:
        connection.close()
        return _not_ready("the database is read-only")
    return JsonResponse({"ready": True})


def metrics(request: HttpRequest) -> HttpResponse:
    """How much waits, for whom it may concern; nobody's name is in it."""
    token = settings.TENURE_METRICS_TOKEN
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not token:
        return HttpResponse("TENURE_METRICS_TOKEN is not set.\n", "text/plain", status=404)
    if not hmac.compare_digest(given.encode(), token.encode()):
        return HttpResponse(
            status=401, content_type="text/plain", headers={"WWW-Authenticate": "Bearer"}
        )
    try:
        lines = list(_lines(numbers()))
    except (DatabaseError, InterfaceError):
        connection.close()
        return HttpResponse("The database does not answer.\n", "text/plain", status=503)
    return HttpResponse("\n".join(lines) + "\n", "text/plain; version=0.0.4; charset=utf-8")


def numbers() -> Iterator[Number]:
    """What an operator watches; each is an index or a small table away."""
    ours = company()
    yield "workers", "Workers heard from within 15 seconds.", {}, len(live_workers())
    for queue, count in sorted(queue_lengths().items()):
        yield "jobs_waiting", "Wake-ups that no worker has taken.", {"queue": queue}, count
    stopped = ours.writes_stopped_at is not None
    yield "writes_stopped", "1: nothing is sent anywhere.", {}, stopped
    restored = ours.restored_at is not None
    yield "restored", "1: a backup was restored, and that is not done.", {}, restored
    yield from _operations()
    yield from _connected()
    for name, what, statement in _COUNTS:
        yield name, what, {}, _one(statement)


def _operations() -> Iterator[Number]:
    found = dict.fromkeys(_OPEN, 0)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT state, count(*) FROM provisioning_operation "
            "WHERE state NOT IN ('done', 'cancelled') GROUP BY state"
        )
        found.update(row for row in cursor.fetchall() if row[0] in found)
    for state, count in found.items():
        yield "operations", "Operations that are not done, by state.", {"state": state}, count


def _connected() -> Iterator[Number]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT slug, health = 'stopped' OR paused_at IS NOT NULL"
            " FROM applications_application ORDER BY slug"
        )
        applications = cursor.fetchall()
        cursor.execute(
            "SELECT slug, failures, extract(epoch FROM now() - read_at)"
            " FROM sources_source ORDER BY slug"
        )
        sources = cursor.fetchall()
    for slug, stopped in applications:
        yield "application_stopped", "1: nothing is sent there.", {"application": slug}, stopped
    for slug, failures, _ in sources:
        yield "source_failures", "Imports that failed in a row.", {"source": slug}, failures
    for slug, _, age in sources:
        if age is not None:
            yield "source_read_age_seconds", "Since the last import.", {"source": slug}, age


_COUNTS: Final = (
    (
        "oldest_due_seconds",
        "For how long the oldest operation waits that could be sent now.",
        "SELECT coalesce(extract(epoch FROM now() - min(greatest(created_at, not_before))), 0) "
        "FROM provisioning_operation WHERE state IN ('planned', 'retrying', 'unknown') "
        "AND coalesce(not_before <= now(), true)",
    ),
    (
        "leavers_waiting",
        "Removals for people who leave that are not done.",
        "SELECT count(*) FROM provisioning_operation "
        "WHERE state NOT IN ('done', 'cancelled', 'rejected') AND urgency <= 5",
    ),
    (
        "sign_outs_waiting",
        "People to be signed out of an application by hand.",
        "SELECT count(*) FROM sso_signout WHERE state IN ('open', 'cannot')",
    ),
    (
        "people_to_plan",
        "People of whom something changed since they were planned.",
        "SELECT count(*) FROM people_person WHERE planned_generation < generation",
    ),
    (
        "audit_unsealed",
        "Events that are not in the chain yet.",
        "SELECT count(*) FROM audit_event WHERE position IS NULL",
    ),
    ("database_bytes", "How large the database is.", "SELECT pg_database_size(current_database())"),
)


def _one(statement: str) -> float:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone()
    return float(row[0]) if row else 0.0


def _lines(found: Iterator[Number]) -> Iterator[str]:
    last = ""
    for name, what, labels, value in found:
        if name != last:
            yield f"# HELP tenure_{name} {what}"
            yield f"# TYPE tenure_{name} gauge"
            last = name
        inside = ",".join(f'{key}="{text}"' for key, text in labels.items())
        yield f"tenure_{name}{f'{{{inside}}}' if inside else ''} {float(value):.15g}"


def _read_only() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SHOW transaction_read_only")
        row = cursor.fetchone()
    return bool(row) and row[0] == "on"


def _not_ready(why: str) -> HttpResponse:
    return JsonResponse({"ready": False, "why": why}, status=503)
