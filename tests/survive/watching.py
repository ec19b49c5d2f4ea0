"""What applications are asked and what changes there, with the instant; and whether each change was
right when it was made, whatever the end looks like."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from tenure.applications.models import Account
from tenure.connectors.memory import Call, MemoryApplication, MemoryUser
from tenure.connectors.memory_application import Happened
from tenure.core.model import OperationState
from tenure.infra.clock import now
from tests.survive.claims import Claim
from tests.survive.truth import WINDOW, Life, Policy, Right, Timeline, Truth

T = TypeVar("T")

WRITES = (
    "create", "update", "disable", "enable", "delete", "change_members", "bulk", "transfer",
    "create_entitlement", "end_sessions",
)  # fmt: skip
READS = ("read", "find", "accounts", "entitlements")
#: A drain that is under way hears of a stop within about a second.
HEARD = timedelta(seconds=1)
#: What was begun before is finished: an account that is made gets its groups, one that is deleted
#: is first taken out of them. Whatever comes first may have waited half a minute for its answer.
REST = ("change_members", "create_entitlement", "delete", "end_sessions")
BEGUN = timedelta(seconds=100)
#: What a date alone changes is heard of by the next sweep, which a drain may precede.
SWEPT = timedelta(minutes=1)
#: What may be sent.
_DUE = (OperationState.PLANNED.value, OperationState.UNKNOWN.value, OperationState.RETRYING.value)


class Diary(list[T], Generic[T]):
    """A list that knows when each of its entries was made."""

    def __init__(self, told: Callable[[T], None] | None = None) -> None:
        super().__init__()
        self.times: list[datetime] = []
        self._told = told

    def append(self, item: T) -> None:
        super().append(item)
        self.times.append(now())
        if self._told is not None:
            self._told(item)

    def timed(self) -> Iterator[tuple[datetime, T]]:
        return zip(self.times, self, strict=True)


@dataclass
class Target:
    """One application, and how it goes wrong."""

    slug: str
    memory: MemoryApplication
    #: The engine can know everything without listing it: nobody changes it behind our back, no
    #: write lands after it was given up, and searches see what is there.
    honest: bool = True
    #: Which entries of the history are not ours, by identity.
    theirs: set[int] = field(default_factory=set)
    orphans: set[str] = field(default_factory=set)
    #: Remote id -> whose it is, as it was made.
    owners: dict[str, str] = field(default_factory=dict)
    #: Remote id -> what somebody else changed of it: an attribute, `active`, `entitlements`.
    touched: dict[str, set[str]] = field(default_factory=dict)
    #: Remote id, from when until when it was to be left alone by us.
    shields: list[list[Any]] = field(default_factory=list)
    _them: int = 0

    def __post_init__(self) -> None:
        self.history: Diary[Happened] = Diary(self._know)
        self.calls: Diary[Call] = Diary()
        self.memory.history, self.memory.calls = self.history, self.calls

    def _know(self, item: Happened) -> None:
        if threading.get_ident() == self._them:
            self.theirs.add(id(item))
            self.touched.setdefault(item.remote_id, set()).update(_touches(item))
        user = self.memory.users.get(item.remote_id)
        if user is not None and user.external_id:
            self.owners.setdefault(item.remote_id, user.external_id)

    @property
    def taken(self) -> set[str]:
        """Remote ids of what somebody else deleted there."""
        gone = [item for item in self.history if item.what == "deleted"]
        return {item.remote_id for item in gone if self.is_theirs(item)}

    def is_theirs(self, item: Happened) -> bool:
        """Whether somebody else did it."""
        return id(item) in self.theirs

    def by_them(self, act: Callable[[], object]) -> None:
        """Something is done there by somebody else."""
        self._them = threading.get_ident()
        try:
            act()
        finally:
            self._them = 0
        self.honest = False

    def known_owners(self) -> dict[str, str]:
        """Remote id -> the person, also of accounts that were there before us."""
        rows = Account.objects.filter(application__slug=self.slug, person__isnull=False)
        there = rows.order_by("pk").values_list("remote_id", "person__uid")
        return {remote: str(uid) for remote, uid in there} | self.owners


def _touches(item: Happened) -> set[str]:
    match item.what:
        case "updated":
            return set(item.detail)
        case "opened" | "closed":
            return {"active"}
        case "joined" | "left":
            return {"entitlements"}
        case "created":
            return {"active", "entitlements", "default"}
    return set()


class Judge:
    """Goes through everything that was done in one application."""

    def __init__(self, target: Target, timeline: Timeline, claims: Sequence[Claim] = ()) -> None:
        self.target, self.timeline = target, timeline
        self.claims = [claim for claim in claims if claim.slug == target.slug]
        self.owners = target.known_owners()
        self.wrong: list[str] = []

    def judge(self) -> list[str]:
        for claim in self.claims:
            if claim.state not in _DUE:
                self.wrong.append(f"{claim} was {claim.state}")
            if self._is_still(claim.at, HEARD):
                self.wrong.append(f"{claim} while stopped")
            for item in claim.changes:
                if claim.person and not self._is_right_to_begin(claim, item):
                    self.wrong.append(f"{claim}: {item.what} {item.detail} was not due any more")
        for at, call in self.target.calls.timed():
            heard = BEGUN if call.verb in REST else HEARD
            if call.verb in WRITES and self._is_still(at, heard) and not self._is_begun(at, call):
                self.wrong.append(f"{self.target.slug}: {call} at {at:%d %H:%M:%S}, while stopped")
        for number, (at, item) in enumerate(self.target.history.timed()):
            if not self.target.is_theirs(item) and not self._is_right(at, item, number):
                who = self.owners.get(item.remote_id, "nobody")
                life = self.timeline.last.lives.get(who)
                self.wrong.append(
                    f"{self.target.slug}: {item} of {life.name if life else who} at "
                    f"{at:%d %H:%M:%S} was not due"
                )
        return self.wrong

    def _is_still(self, at: datetime, heard: timedelta) -> bool:
        """Whether nothing was to be sent there, for longer than it takes to hear that."""
        slug = self.target.slug
        lately = [truth for truth, _ in self.timeline.lately(at, heard)]
        return all(
            truth.stopped or truth.policies[slug].paused or not truth.policies[slug].live
            for truth in lately
        )

    def _is_begun(self, at: datetime, call: Call) -> bool:
        """Whether something of the same account was sent, or looked at, before that."""
        asked = [(when, one) for when, one in self.target.calls.timed() if at - BEGUN <= when < at]
        seen = [
            when
            for when, one in asked
            if one.target == call.target or (call.verb == "create" and one.verb == "find")
        ]
        changed = [
            when
            for when, one in self.target.history.timed()
            if at - BEGUN <= when < at
            and one.remote_id == call.target
            and not self.target.is_theirs(one)
        ]
        return any(not self._is_still(when, HEARD) for when in seen + changed)

    def _is_shielded(self, remote_id: str, begun: datetime, at: datetime) -> bool:
        """Whether somebody had protected it before this was begun: what was under way ends."""
        return any(
            remote == remote_id and since < begun and (until is None or at < until)
            for remote, since, until in self.target.shields
        )

    def _taken_up(self, at: datetime, uid: str, remote_id: str) -> datetime:
        """Since when what was done then can have been in hand: by the first claim of late. Without
        any it is on the way of another's (whose name it has), and may be that old."""
        found = [
            claim.at
            for claim in self.claims
            if at - WINDOW <= claim.at <= at
            and (claim.remote_id == remote_id or (uid and claim.person == uid))
        ]
        return min(found, default=at - WINDOW)

    def _is_right_to_begin(self, claim: Claim, item: Happened) -> bool:
        """Whatever was said before somebody takes a thing in hand counts; dates alone may be a
        sweep old."""
        if self._is_shielded(item.remote_id, claim.at, claim.at):
            return False
        number = sum(when <= claim.at for when in self.target.history.times)
        fading = self.timeline.fading(claim.person, claim.at)
        return any(
            self._allows(item, number, claim.at, truth, when, claim.person, faded)
            for truth, last in self.timeline.lately(claim.at, timedelta(0))
            for when in (last, last - SWEPT)
            for faded in (frozenset[str](), fading)
        )

    def _is_right(self, at: datetime, item: Happened, number: int) -> bool:
        slug = self.target.slug
        begun = self._taken_up(at, self.owners.get(item.remote_id, ""), item.remote_id)
        window = at - begun + SWEPT
        if self._is_shielded(item.remote_id, begun, at):
            return False
        # One that somebody made there for a person, and no rule ties to them, is nobody's, too.
        if item.remote_id in self.target.orphans or item.remote_id not in self.owners:
            wanted = {"closed": "disable", "deleted": "delete"}.get(item.what)
            lately = self.timeline.lately(at, window)
            return any(truth.policies[slug].orphans == wanted for truth, _ in lately)
        uid = self.owners.get(item.remote_id, "")
        fading = self.timeline.fading(uid, at)
        # One of which nobody heard what came of it is sent again, whatever is due by now.
        again = item in [i for _, i in self.target.history.timed()][:number]
        return any(
            self._allows(item, number, at, truth, when, uid, faded, again=again)
            for truth, when in self.timeline.lately(at, window)
            for faded in (frozenset[str](), fading)
        )

    def _allows(
        self,
        item: Happened,
        number: int,
        at: datetime,
        truth: Truth,
        when: datetime,
        uid: str,
        faded: frozenset[str],
        *,
        again: bool = False,
    ) -> bool:
        """Whether this change at `at`, before which there were `number`, is what is right by what
        held at `when`."""
        slug = self.target.slug
        life, policy = truth.lives.get(uid), truth.policies.get(slug)
        if life is None or policy is None:
            return False
        right = truth.right(uid, slug, when, faded)
        match item.what:
            case "created":
                return right.inside and _may_follow(truth, uid, when, policy, faded)
            case "opened":
                return right.open and _may_follow(truth, uid, when, policy, faded)
            case "closed":
                return not right.open and _is_taken(policy, right, life, when)
            case "deleted":
                return self._may_delete(item, number, at, truth, when, life, policy, right)
            case "joined":
                return right.inside and f"group:{item.detail}" in right.groups
            case "left":
                kept = right.inside and f"group:{item.detail}" in right.groups
                return not kept and _is_taken(policy, right, life, when)
            case "updated":
                assert isinstance(item.detail, dict)
                due = self.attributes(life)
                return (right.inside or again) and all(
                    str(value or "") == due.get(name, "")
                    or (name == "userName" and policy.on_rename == "keep")
                    for name, value in item.detail.items()
                )
            case "handed over":
                return life.gone(when) and policy.transfers and not life.hold
        return True

    def _may_delete(
        self,
        item: Happened,
        number: int,
        at: datetime,
        truth: Truth,
        when: datetime,
        life: Life,
        policy: Policy,
        right: Right,
    ) -> bool:
        if right.inside or life.hold or (right.given and not life.gone(when)):
            return False
        left = life.left_at()
        if life.gone(when) and left is not None and when < left + truth.leaver_grace:
            return False
        if policy.removal == "delete":
            return True
        closed = self._closed(item.remote_id, number)
        after = policy.delete_after
        if policy.removal == "keep" or after is None or closed is None:
            return False
        return closed + after <= at + timedelta(seconds=1)

    def _closed(self, remote_id: str, before: int) -> datetime | None:
        """Since when the account was closed, if it was, as far as it can be known without looking:
        what somebody else opened there is not."""
        found = None
        for at, item in list(self.target.history.timed())[:before]:
            if item.remote_id == remote_id and item.what in ("closed", "created"):
                found = at
            elif (
                item.remote_id == remote_id
                and item.what == "opened"
                and not self.target.is_theirs(item)
            ):
                found = None
        return found

    @staticmethod
    def attributes(life: Life) -> dict[str, str]:
        """What the mapping makes of them."""
        return {"userName": life.email, "displayName": life.name, "title": life.title}


def _may_follow(
    truth: Truth, uid: str, when: datetime, policy: Policy, faded: frozenset[str]
) -> bool:
    """Whether they may have what this application requires: it is due to them, or it stays
    theirs where nothing is taken."""
    return all(
        truth.right(uid, slug, when, faded).inside or truth.policies[slug].removal == "keep"
        for slug in policy.requires
    )


def _is_taken(policy: Policy, right: Right, life: Life, when: datetime) -> bool:
    """Whether anything is taken from them there: `keep` leaves it to those who are not due any
    more, and closes only for a while."""
    return policy.removal != "keep" or (right.given and not life.gone(when))


def is_theirs(user: MemoryUser, uid: str, email: str) -> bool:
    """By any mark: a name says nothing where another mark says whose it is."""
    if user.external_id:
        return user.external_id == uid
    return str(user.attributes["userName"]).casefold() == email.casefold()
