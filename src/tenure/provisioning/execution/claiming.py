"""Which operations are sent next: claimed, marked as started, given back where not begun."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Min

from tenure.applications.connecting import longest_answer
from tenure.applications.models import Account, Application
from tenure.audit.models import Action, Event
from tenure.core.model import ApplicationMode, OperationKind, OperationState
from tenure.core.planner import GONE, LEAVER_URGENCY
from tenure.infra.bulk import among
from tenure.infra.clock import now as clock_now
from tenure.infra.in_order import in_order_of_index
from tenure.infra.instances import loading, relate
from tenure.people import services as people
from tenure.people.models import Person
from tenure.provisioning.models import Operation
from tenure.provisioning.records import accounts, heirs, last_owner, nobodys, settling, veiling
from tenure.provisioning.records.work import (
    IDENTIFYING,
    ONLY_LOOKS,
    SENT,
    UNHEARD,
    UNHEARD_OF,
    Work,
)
from tenure.runs.selectors import paused

#: Held while operations of an application are chosen, so that its two lanes never choose two
#: operations of one person.
_CHOOSING = 0x7EC

#: What sending and settling need of a row; the rest would be a third of what a claim costs.
_SENT = (
    *("id", "application_id", "person_id", "account_id", "run_id", "kind", "state", "urgency"),
    *("reason", "attributes", "grant", "revoke", "active", "generation", "progress", "attempts"),
    *("not_before", "error", "evidence", "started_at", "asked_at", "finished_at", "sealed"),
)
_OF_PERSON = (
    *("id", "uid", "display_name", "state", "generation"),
    *("legal_hold_since", "legal_hold_reason"),
)
_COLUMNS = ", ".join(
    [*(f'chosen."{name}"' for name in _SENT), *(f"person.{name}" for name in _OF_PERSON)]
)

# People are joined when the operations are chosen, and not before: what choosing is thought to cost
# makes every way to join look equally dear, a look through all people for each operation too.
_NEXT = f"""
WITH chosen AS MATERIALIZED (
    SELECT * FROM provisioning_operation AS due
    WHERE due.application_id = %(application)s
      AND due.urgency > %(above)s AND due.urgency <= %(urgency)s
      AND due.state IN ('planned', 'unknown', 'retrying')
      -- Somebody paused its run; who leaves does not wait for that.
      AND (due.run_id IS NULL OR due.urgency <= %(leaver)s OR due.run_id <> ALL (%(paused)s))
      AND (%(kind)s::text IS NULL OR due.kind = %(kind)s)
      AND (due.not_before IS NULL OR due.not_before <= %(now)s
           OR (due.state = 'retrying' AND %(kind)s::text IS NOT NULL))
      -- Scalar subqueries with LIMIT on purpose: EXISTS would be made a join over the whole
      -- backlog; like this rows are taken in the order of the index until there are enough.
      -- Without a person it is on an account that still has to be nobody's; whether it may have
      -- deleted what is somebody's by now is looked at.
      AND (due.person_id IS NOT NULL OR due.kind = 'delete' AND due.state = 'unknown' OR (
          SELECT account.situation = 'unmatched' AND account.protected = '' AND NOT account.own
          FROM applications_account AS account WHERE account.id = due.account_id
      ))
      AND (due.after = '[]' OR (
          SELECT first.id FROM provisioning_operation AS first
          WHERE first.person_id = due.person_id
            AND due.after @> to_jsonb(first.application_id)
            AND first.state NOT IN ('done', 'cancelled')
            AND (due.kind = 'delete') = (first.kind = 'delete')
            AND first.kind IN ('create', 'enable', 'delete')
          LIMIT 1
      ) IS NULL)
      AND (
          SELECT other.id FROM provisioning_operation AS other
          WHERE other.application_id = due.application_id
            AND other.person_id = due.person_id
            AND other.id <> due.id
            AND other.state IN ('started', 'unknown', 'retrying')
          LIMIT 1
      ) IS NULL
    ORDER BY due.urgency, due.id
    LIMIT %(most)s
    FOR UPDATE SKIP LOCKED
)
SELECT {_COLUMNS}, coalesce(chosen.person_id, -chosen.account_id),
    chosen.person_id IS NOT NULL
    AND NOT (chosen.kind IN ('create', 'delete') AND chosen.state = 'unknown')
    AND (chosen.generation <> person.generation
         -- They got their account since this was planned: they would have two.
         OR chosen.kind = 'create' AND chosen.account_id IS NULL AND EXISTS (
             SELECT 1 FROM applications_account AS account
             WHERE account.application_id = chosen.application_id
               AND account.person_id = chosen.person_id AND account.situation = 'linked'
         ))
FROM chosen
LEFT JOIN people_person AS person ON person.id = chosen.person_id
ORDER BY chosen.urgency, chosen.id
"""


#: Whoever looks at its person sees it, too.
_UNHEARD = """
UPDATE provisioning_operation
SET progress = jsonb_build_object(%s::text, jsonb_build_object('at', started_at, 'by', 'worker'))
        || progress, error = %s
WHERE application_id = %s AND state = %s
"""
#: It may have been sent once more than was known.
_SENT_LAST = """
UPDATE provisioning_operation
SET progress = progress || jsonb_build_object(%s::text, started_at)
WHERE application_id = %s AND state = %s AND kind = %s AND progress ? %s
"""
_ENDED = (
    f"It may have been sent: {UNHEARD['worker']}. It is looked at before anything is sent again."
)


@dataclass(frozen=True, slots=True)
class Look:
    """What a drain sees when it looks up from its work: whether it may go on, and whether a
    leaver's removal waits."""

    may_send: bool
    leavers: bool


def look(application: int) -> Look:
    """Two short queries, each by index, whatever waits."""
    if people.company().writes_stopped_at is not None:
        return Look(may_send=False, leavers=False)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT row.mode = %(live)s AND row.paused_at IS NULL, EXISTS (
                SELECT 1 FROM provisioning_operation AS due
                WHERE due.application_id = row.id AND due.urgency <= %(urgency)s
                  AND due.state IN ('planned', 'unknown', 'retrying')
                  AND (due.not_before IS NULL OR due.not_before <= %(now)s)
            )
            FROM applications_application AS row WHERE row.id = %(application)s
            """,
            {
                "application": application,
                "urgency": LEAVER_URGENCY,
                "now": clock_now(),
                "live": ApplicationMode.LIVE.value,
            },
        )
        found = cursor.fetchone()
    return Look(*found) if found else Look(may_send=False, leavers=False)


@transaction.atomic
def recover(application: Application) -> int:
    """Operations that a dead drain left as started: whether they were sent is not known. Called
    by the only drain of the application, so no other can have started them. Its requests may still
    be on their way: an account is looked for only when the last of them has arrived."""
    rows = Operation.objects.filter(application=application, state=OperationState.STARTED.value)
    travels = timedelta(seconds=longest_answer(application) + settling.SHOWN_AFTER)
    begun = rows.select_related("account")
    accounts.doubt(((row, accounts.touched(row)) for row in begun), travels=travels)
    with connection.cursor() as cursor:
        started = (application.pk, OperationState.STARTED.value)
        cursor.execute(_UNHEARD, [UNHEARD_OF, _ENDED, *started])
        cursor.execute(_SENT_LAST, [SENT, *started, OperationKind.CREATE.value, SENT])
    made = rows.filter(kind=OperationKind.CREATE.value).update(
        state=OperationState.UNKNOWN.value, not_before=F("started_at") + travels
    )
    return made + rows.update(state=OperationState.UNKNOWN.value)


@transaction.atomic
def claim(
    application: Application,
    most: int,
    now: datetime,
    *,
    leavers: bool | None = None,
    kind: str | None = None,
) -> tuple[list[Operation], list[int]]:
    """The next operations, marked as started, one for each person; and people whose plan is older
    than what is known of them, who have to be planned anew first. `leavers`: only removals for who
    leaves, or (False) everything else; `kind`: only such operations, before their time if it has to
    be. An account that may have been made already, or deleted, is looked for all the same: nothing
    can be planned before that is known.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_CHOOSING, application.pk])
        with in_order_of_index():
            cursor.execute(*query(application, most, now, leavers=leavers, kind=kind))
        rows = cursor.fetchall()
    chosen: dict[int, tuple[Any, ...]] = {}
    stale: list[int] = []
    for row in rows:
        person, outdated = row[-2:]
        if outdated:
            stale.append(person)
        elif person not in chosen:
            chosen[person] = row
    operations = _read(chosen.values())
    if held := last_owner.held_back(application, operations, now):
        operations = [row for row in operations if row.pk not in held]
    if other := heirs.outdated(application, operations):
        stale += [row.person_id for row in other if row.person_id is not None]
        operations = [row for row in operations if row not in other]
    if arriving := heirs.put_off(application, operations, now):
        operations = [row for row in operations if row.pk not in arriving]
    if travelling := _still_travel(operations, now):
        operations = [row for row in operations if row.pk not in travelling]
    if lost := [row for row in operations if not veiling.can_be_sent(row)]:
        _give_up(lost, now)
        operations = [row for row in operations if row not in lost]
    keys = [row.pk for row in operations]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE provisioning_operation SET state = %s, started_at = %s, attempts = attempts + 1"
            " WHERE id = ANY(%s)",
            [OperationState.STARTED.value, now, keys],
        )
    return operations, list(dict.fromkeys(stale))


def _still_travel(rows: Sequence[Operation], now: datetime) -> set[int]:
    """Deletions that a dead worker sent, of people who may be to have the account again, or that
    was nobody's and is somebody's now: they wait until what it sent has arrived. One that is there
    before that may be gone after it."""
    until = {
        row.pk: row.account.unsure_until
        for row in rows
        if row.kind == OperationKind.DELETE.value
        and row.state == OperationState.UNKNOWN.value
        and _may_be_due_again(row)
        and row.account is not None
        and row.account.unsure_until is not None
        and row.account.unsure_until > now
    }
    for pk, at in until.items():
        Operation.objects.filter(pk=pk).update(not_before=at)
    return set(until)


def _may_be_due_again(row: Operation) -> bool:
    if row.person is None:
        return _is_not_nobodys_any_more(row)
    return row.person.generation != row.generation and row.person.state not in GONE


def _is_not_nobodys_any_more(row: Operation) -> bool:
    return row.person is None and row.account is not None and not nobodys.is_nobodys(row.account)


def _give_up(rows: Sequence[Operation], now: datetime) -> None:
    """What they are to send cannot be opened: their people are planned anew, with the values that
    are known of them."""
    Operation.objects.filter(pk__in=[row.pk for row in rows]).update(
        state=OperationState.FAILED.value,
        finished_at=now,
        error="Its sensitive values cannot be opened: the key that sealed them is not there. It is "
        "planned anew.",
    )
    people.raise_generation([row.person_id for row in rows if row.person_id is not None])


def query(
    application: Application,
    most: int,
    now: datetime,
    *,
    leavers: bool | None = None,
    kind: str | None = None,
) -> tuple[str, dict[str, Any]]:
    """The statement of a claim, and what it is given."""
    return _NEXT, {
        "application": application.pk,
        "now": now,
        "most": most,
        "above": LEAVER_URGENCY if leavers is False else -1,
        "urgency": LEAVER_URGENCY if leavers else 32767,
        "kind": kind,
        "leaver": LEAVER_URGENCY,
        "paused": paused(),
    }


def _read(rows: Iterable[Sequence[Any]]) -> list[Operation]:
    """Operations as `_NEXT` shows them, with their people and accounts."""
    operation = loading(Operation, _SENT)
    person = loading(Person, _OF_PERSON)
    found = []
    for row in rows:
        made = operation(row[: len(_SENT)])
        of_person = row[len(_SENT) : len(_SENT) + len(_OF_PERSON)]
        relate(made, "person", None if made.person_id is None else person(of_person))
        found.append(made)
    keys = [row.account_id for row in found if row.account_id is not None]
    accounts_ = Account.objects.filter(pk__in=among(keys)).in_bulk() if keys else {}
    for made in found:
        relate(made, "account", accounts_.get(made.account_id))
    return found


def give_back(rows: Sequence[Operation]) -> None:
    """Operations that were claimed and never sent wait as before."""
    for row in rows:
        Operation.objects.filter(pk=row.pk, state=OperationState.STARTED.value).update(
            state=row.state, attempts=row.attempts, started_at=row.started_at
        )


def work_for(operations: Sequence[Operation]) -> list[Work]:
    """Operations as the sender needs them. `state` is still the one from before the claim."""
    return [_work(row) for row in operations]


def _work(row: Operation) -> Work:
    # Asked for once each: Django looks them up at every mention.
    person, account = row.person, row.account
    uid = str(person.uid) if person else ""
    attributes, private = veiling.to_send(row)
    progress = dict(row.progress)
    looks_first = bool(progress.get("look_first"))
    unanswered = row.state == OperationState.UNKNOWN.value
    if unanswered and row.kind == OperationKind.CREATE.value:
        # What a dead drain sent it has not told.
        progress.setdefault(SENT, (row.started_at or clock_now()).isoformat())
    return Work(
        operation=row.pk,
        kind=OperationKind(row.kind),
        person=uid,
        external_id=uid,
        remote_id=account.remote_id if account else str(row.progress.get("remote_id", "")),
        attributes=attributes,
        grant=tuple(row.grant),
        revoke=tuple(row.revoke),
        progress=progress,
        unsure=row.attempts > 0 or looks_first,
        unanswered=unanswered,
        active=row.active,
        names=_names(account) if row.kind in (OperationKind.DISABLE, OperationKind.DELETE) else {},
        outdated=ONLY_LOOKS in progress
        or (person is not None and row.generation != person.generation)
        or _is_not_nobodys_any_more(row),
        legal_hold=_hold(row) if person is not None and person.legal_hold_since else "",
        private=private,
    )


def _names(account: Account | None) -> dict[str, str]:
    if account is None:
        return {}
    given = {name: account.attributes.get(name) for name in IDENTIFYING}
    found = {name: value for name, value in given.items() if isinstance(value, str) and value}
    return {"userName": account.user_name, **found} if account.user_name else found


def _hold(row: Operation) -> str:
    """Why nothing of its person's is deleted, where it may come to that."""
    person = row.person
    if person is None or row.kind not in (OperationKind.DISABLE, OperationKind.DELETE):
        return ""
    placed = Event.objects.filter(person=str(person.uid), action=Action.LEGAL_HOLD_SET)
    by = placed.order_by("-id").values_list("actor", flat=True).first()
    return (
        f"{person.display_name} is under legal hold since {person.legal_hold_since:%Y-%m-%d}"
        f"{f', placed by {by}' if by else ''} ({person.legal_hold_reason.rstrip('.')}): nothing of "
        "theirs is deleted"
    )


def next_due(application: Application, after: datetime) -> datetime | None:
    """When the earliest retry of the application, or look at what was sent, is due that was not
    due yet at `after`: what was, and was not claimed then, waits for something else."""
    found = Operation.objects.filter(
        application=application,
        state__in=[OperationState.RETRYING.value, OperationState.UNKNOWN.value],
        not_before__gt=after,
    ).aggregate(at=Min("not_before"))
    return found["at"]  # type: ignore[no-any-return]
