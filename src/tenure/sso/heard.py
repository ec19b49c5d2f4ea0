"""What is known of how somebody's sessions at applications ended: what was done is read from the
audit trail, which stays; what is still to be told, from its table. Only reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from tenure.audit.models import Action, Event
from tenure.core.receipt import LASTS, Message, Told
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.sso import outbox
from tenure.sso.endings import SAID_THERE
from tenure.sso.models import Notice
from tenure.sso.outbox import Ends

_ACTIONS: Final = (
    Action.NOTICE_DELIVERED,
    Action.NOTICE_FAILED,
    Action.TOKENS_REVOKED,
    Action.APPLICATION_SESSION_ENDED,
    Action.ACCESS_ENDED,
    Action.SIGN_OUT_DONE,
)
_MOST: Final = 2000
#: What has not arrived by then is left to a person, too: trying goes on.
LATE: Final = timedelta(hours=1)
#: In the trail: which task it was.
TASK: Final = "task"


class Trail:
    """What the audit trail says of this person's sessions."""

    def __init__(self, person: Person) -> None:
        rows = Event.objects.filter(person=str(person.uid), action__in=_ACTIONS)
        self.messages: dict[str, list[Message]] = defaultdict(list)
        self.tokens_void: dict[str, datetime] = {}
        #: Task -> where it stands in the chain that it was done; None: it is not sealed yet.
        self.signed_out_by_hand: dict[int, int | None] = {}
        self._said_there: dict[str, datetime] = {}
        self._ended: dict[str, datetime] = {}
        self.ended_at: datetime | None = None
        self.ended: Mapping[str, int] = {}
        for event in rows.order_by("-id")[:_MOST]:
            self._take(event)

    @property
    def applications(self) -> set[str]:
        return {*self.messages, *self.tokens_void, *self._said_there, *self._ended}

    def signed_out(self, slug: str) -> datetime | None:
        """When the application said that they had signed out there, if that was said of every
        session that ended about then."""
        said, otherwise = self._said_there.get(slug), self._ended.get(slug)
        return said if said and (otherwise is None or otherwise < said - LASTS) else None

    def _take(self, event: Event) -> None:
        slug = event.application
        match event.action:
            case Action.NOTICE_DELIVERED | Action.NOTICE_FAILED:
                if (message := _of_event(event)) is not None:
                    self.messages[slug].append(message)
            case Action.TOKENS_REVOKED:
                self.tokens_void.setdefault(slug, event.at)
            case Action.APPLICATION_SESSION_ENDED:
                said = (event.after or {}).get(SAID_THERE)
                (self._said_there if said else self._ended).setdefault(slug, event.at)
            case Action.SIGN_OUT_DONE:
                number = int((event.after or {}).get(TASK) or 0)
                self.signed_out_by_hand[number] = event.position
            case Action.ACCESS_ENDED:
                if self.ended_at is None:
                    self.ended_at, self.ended = event.at, event.after or {}


def _of_event(event: Event) -> Message | None:
    said = event.after or {}
    ends = outbox.ends_of(event.subject_label, said)
    if ends is Ends.NOTHING:
        return None
    status, answer = said.get("status"), str(said.get("answer") or event.reason or "")
    return Message(
        how=outbox.words_of(event.subject_label),
        made_at=instant(said.get("written_at")) or event.at,
        told=Told.ARRIVED if event.action == Action.NOTICE_DELIVERED else Told.FAILED,
        at=event.at,
        answer=_answer(status, answer),
        tries=int(said.get("tries") or 0),
        event=event.position,
        whole=ends is Ends.EVERYTHING,
        session=str(said.get(outbox.SESSION) or ""),
        again=bool(said.get(outbox.ONCE_MORE)),
    )


def waiting(person: Person) -> dict[int, list[Message]]:
    """By application: what is still to be told."""
    rows = Notice.objects.filter(person=person, state=Notice.State.WAITING)
    found: dict[int, list[Message]] = defaultdict(list)
    for row in rows.exclude(application=None).select_related("session"):
        ends = outbox.ends_of(row.kind, row.payload)
        if ends is Ends.NOTHING:
            continue
        message = Message(
            how=outbox.words_of(row.kind),
            made_at=row.created_at,
            told=Told.WAITING,
            at=row.sent_at,
            answer=_answer(row.status, row.answer) if row.tries else "",
            tries=row.tries,
            whole=ends is Ends.EVERYTHING,
            session=outbox.session_of(row),
            again=outbox.ONCE_MORE in row.payload,
            late=row.tries > 1 and row.created_at < now() - LATE,
            due=row.not_before if outbox.ONCE_MORE in row.payload and not row.tries else None,
        )
        found[row.application_id or 0].append(message)
    return found


def _answer(status: object, said: str) -> str:
    text = " ".join(said.split())
    if status is None:
        return text
    return f"answered {status}, {text}" if text else f"answered {status}"


def instant(text: object) -> datetime | None:
    """As the trail and the evidence keep it; None for what is none."""
    try:
        return datetime.fromisoformat(str(text)) if text else None
    except ValueError:
        return None
