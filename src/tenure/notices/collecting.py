"""What waits for a person, as somebody elsewhere is told: each thing by a key that it keeps as long
as it waits."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from django.conf import settings
from django.urls import reverse
from django.utils.http import urlencode

from tenure.applications import credentials
from tenure.applications import selectors as applications
from tenure.core.instants import told
from tenure.people.services import company
from tenure.provisioning.decisions import byhand
from tenure.provisioning.questions import selectors as provisioning
from tenure.provisioning.questions.kept_open import kept_open
from tenure.provisioning.questions.not_read import not_read
from tenure.provisioning.questions.undecided import undecided
from tenure.requests import selectors as requests
from tenure.rules.exceptions import given_to_themselves
from tenure.runs import selectors as runs
from tenure.sources import authorizing
from tenure.sources import selectors as sources
from tenure.sources.pushing import PUSHED
from tenure.sources.unread import unread
from tenure.writeback import selectors as write_backs


class Kind(StrEnum):
    """What can be told of."""

    HELD = "held"
    IMPORT = "import_held"
    STOPPED = "application_stopped"
    WRITES = "writes_stopped"
    OPEN = "leaver_account_open"
    UNREAD = "people_unread"
    UNDECIDED = "people_undecided"
    NOT_READ = "application_not_read"
    EXPIRING = "credential_expiring"
    OVERDUE = "task_overdue"
    FAILED = "operations_failed"
    REQUEST = "request_waits"
    OWN = "own_exception"


class Severity(StrEnum):
    """Why somebody is told: something is wrong, or somebody has to decide or do something."""

    WRONG = "Something is wrong"
    WAITS = "Somebody has to decide or do something"


SEVERITY: Final = {
    Kind.HELD: Severity.WAITS,
    Kind.IMPORT: Severity.WAITS,
    Kind.STOPPED: Severity.WRONG,
    Kind.WRITES: Severity.WRONG,
    Kind.OPEN: Severity.WRONG,
    Kind.UNREAD: Severity.WRONG,
    Kind.UNDECIDED: Severity.WRONG,
    Kind.NOT_READ: Severity.WRONG,
    Kind.EXPIRING: Severity.WRONG,
    Kind.OVERDUE: Severity.WAITS,
    Kind.FAILED: Severity.WRONG,
    Kind.REQUEST: Severity.WAITS,
    Kind.OWN: Severity.WAITS,
}

WORDS: Final = {
    Kind.HELD: "A guard holds operations",
    Kind.IMPORT: "A guard holds an import",
    Kind.STOPPED: "An application, or a source that is written to, does not accept us, and when it "
    "does again",
    Kind.WRITES: "All writes are stopped, and when they go on",
    Kind.OPEN: "A protected account of somebody who has left stays open",
    Kind.UNREAD: "What a source has of people who are here could not be read",
    Kind.UNDECIDED: "Nothing can be planned for people in an application",
    Kind.NOT_READ: "The accounts of an application could not be read for hours",
    Kind.EXPIRING: "A credential dies soon",
    Kind.OVERDUE: "A task by hand is overdue",
    Kind.FAILED: "Operations failed for good",
    Kind.REQUEST: "A request for access waits for an administrator",
    Kind.OWN: "An administrator gave access to themselves, whatever the rules say",
}

#: What heals by itself or by somebody else: whoever was alarmed is told that it did.
_ENDS: Final = {Kind.STOPPED: "application_works", Kind.WRITES: "writes_resumed"}


#: How the key of a source begins that is not written to, for it does not accept us.
_REFUSED: Final = "write-back refused "


@dataclass(frozen=True, slots=True)
class Waiting:
    """One thing. `path` is where a person decides; `about` the application, or source, that it is
    about.
    `over`: it does not wait any more."""

    kind: Kind
    key: str
    title: str
    detail: str
    path: str
    about: str = ""
    over: bool = False

    @property
    def event(self) -> str:
        """What a program calls it."""
        return _ENDS[self.kind] if self.over else self.kind.value

    @property
    def url(self) -> str:
        return f"{settings.TENURE_URL}{self.path}"


def newer(chosen: Collection[str], known: Collection[str]) -> list[str]:
    """Kinds that there were not yet when somebody chose among those that are `known`, and that they
    are told of all the same: they chose everything of that severity."""
    found = []
    for kind in Kind:
        same = [k.value for k in Kind if SEVERITY[k] is SEVERITY[kind] and k.value in known]
        if kind.value not in known and same and all(one in chosen for one in same):
            found.append(kind.value)
    return found


def waiting() -> list[Waiting]:
    """Everything that waits now."""
    return [
        *_writes(),
        *_stopped(),
        *_kept_open(),
        *_unread(),
        *_undecided(),
        *_not_read(),
        *_held(),
        *_imports(),
        *_expiring(),
        *_overdue(),
        *_failed(),
        *_written_back(),
        *_requests(),
        *_own(),
    ]


def ending(kind: str, key: str, about: str) -> Waiting | None:
    """What is said of something that waited and does no more; None where nothing is: it was decided
    by a person, waits for another reason now, or is not there any more."""
    if kind == Kind.WRITES and company().writes_stopped_at is None:
        return Waiting(
            Kind.WRITES,
            key,
            "Writes go on again",
            "What waited is sent now. Nothing has to be done.",
            reverse("console:runs"),
            over=True,
        )
    if kind == Kind.STOPPED and key.startswith(_REFUSED):
        return _writes_into_again(key, about)
    if kind == Kind.STOPPED and (row := applications.accepting(about)) is not None:
        return Waiting(
            Kind.STOPPED,
            key,
            f"{row.name} accepts us again",
            "What waited for it is sent now. Nothing has to be done.",
            reverse("console:application", args=[row.slug]),
            over=True,
        )
    return None


def _writes_into_again(key: str, slug: str) -> Waiting | None:
    row = write_backs.accepting(slug)
    if row is None:
        return None
    return Waiting(
        Kind.STOPPED,
        key,
        f"{row.name} takes what is written into it again",
        "What waited for it is written now. Nothing has to be done.",
        reverse("console:source_write_back", args=[row.slug]),
        over=True,
    )


def _writes() -> Iterator[Waiting]:
    ours = company()
    if ours.writes_stopped_at is not None:
        yield Waiting(
            Kind.WRITES,
            f"writes {ours.writes_stopped_at:%s}",
            "All writes are stopped",
            f"{ours.writes_stopped_by}: {ours.writes_stopped_reason}",
            reverse("console:writes"),
        )


def _stopped() -> Iterator[Waiting]:
    for row in applications.stopped():
        yield Waiting(
            Kind.STOPPED,
            f"stopped {row.slug} {row.stopped_at}",
            f"Nothing is sent to {row.name}",
            row.stopped_reason,
            reverse("console:application", args=[row.slug]),
            row.slug,
        )


def _kept_open() -> Iterator[Waiting]:
    for row in kept_open():
        account, name = row.account, row.account.application.name
        yield Waiting(
            Kind.OPEN,
            f"open {account.pk}",
            f"{account.person} has left and can still use {name}",
            f"{account} is not touched: {row.why}. {row.way_out}",
            reverse("console:account", args=[account.application.slug, account.pk]),
        )


def _people(count: int) -> str:
    return "1 person" if count == 1 else f"{count:,} people"


def _unread() -> Iterator[Waiting]:
    """By name, and without what is on the row: that is for those who may see people."""
    for one in unread():
        yield Waiting(
            Kind.UNREAD,
            f"unread {one.source.slug} {one.since}",
            f"{one.source.name} could not be read for {_people(one.count)}",
            f"{one.names}: if they have left, their accounts stay open. Correct the rows and "
            "import again.",
            reverse("console:source", args=[one.source.slug]),
        )


def _undecided() -> Iterator[Waiting]:
    """Told again when it is somebody else."""
    for one in undecided():
        yield Waiting(
            Kind.UNDECIDED,
            f"undecided {one.application} {one.latest}",
            f"{one.name} cannot be planned for {_people(one.count)}",
            f"{one.who}: their account there is not made, or stays as it is. The plan says why.",
            f"{reverse('console:plan')}?{urlencode({'application': one.application})}",
            one.application,
        )


def _not_read() -> Iterator[Waiting]:
    """One that nobody means to be read by itself is as somebody decided."""
    for one in not_read():
        if not one.never:
            yield Waiting(
                Kind.NOT_READ,
                f"not read {one.application.slug} {one.since}",
                f"{one.application.name} was last read {told(one.since)}",
                f"{one.why} A leaver's account that somebody opened there since then stays open.",
                reverse("console:application", args=[one.application.slug]),
                one.application.slug,
            )


def _held() -> Iterator[Waiting]:
    for row in provisioning.held():
        yield Waiting(
            Kind.HELD,
            f"held {row.application} {row.since}",
            f"{row.count:,} held in {row.name}",
            row.reason or "They wait for approval.",
            f"{reverse('console:plan')}?{urlencode({'application': row.application})}",
        )


def _imports() -> Iterator[Waiting]:
    names = sources.source_names()
    for run in runs.held_imports():
        # Each hour in which anything is pushed is a run, and what waits is the same.
        which = run.message if run.reason == PUSHED else run.pk
        yield Waiting(
            Kind.IMPORT,
            f"import {run.subject} {which}"[:300],
            f"The import of {names.get(run.subject, run.subject)} is held",
            run.message,
            reverse("console:source", args=[run.subject]),
        )


def _expiring() -> Iterator[Waiting]:
    for warned in [*credentials.warnings(), *authorizing.warnings()]:
        # Every day it is another sentence, and the same thing.
        what = "".join(c for c in warned.what if not c.isdecimal())
        yield Waiting(
            Kind.EXPIRING,
            f"credential {warned.urgent} {what}"[:300],
            warned.what,
            warned.detail,
            reverse("console:application", args=[warned.application])
            if warned.application
            else reverse("console:applications"),
        )


def _overdue() -> Iterator[Waiting]:
    for task in byhand.tasks():
        if task.overdue:
            yield Waiting(
                Kind.OVERDUE,
                f"overdue {task.number}",
                f"A task in {task.application_name} is overdue",
                task.what,
                reverse("console:tasks"),
            )


def _written_back() -> Iterator[Waiting]:
    """What is written into HR records: the same three things as of applications."""
    for trouble in write_backs.troubles():
        name = trouble.name
        kind, title = {
            "refused": (Kind.STOPPED, f"Nothing is written into {name}"),
            "held": (Kind.HELD, f"{trouble.count:,} to be written into {name} are held"),
            "failed": (Kind.FAILED, f"{trouble.count:,} could not be written into {name}"),
        }[trouble.kind]
        yield Waiting(
            kind,
            f"write-back {trouble.kind} {trouble.slug} {trouble.since}",
            title,
            trouble.reason,
            reverse("console:source_write_back", args=[trouble.slug]),
            trouble.slug,
        )


def _failed() -> Iterator[Waiting]:
    for row in provisioning.failed():
        yield Waiting(
            Kind.FAILED,
            # Told once more where a leaver's joins what failed before.
            f"failed {row.application} {row.since}{' leavers' if row.leavers else ''}",
            f"{row.count:,} operation{'s' if row.count != 1 else ''} failed in {row.name}"
            f"{row.of_leavers}",
            row.reason or "No reason was given.",
            reverse("console:application", args=[row.application]),
        )


def _requests() -> Iterator[Waiting]:
    names = applications.application_names()
    for row in requests.for_administrators():
        yield Waiting(
            Kind.REQUEST,
            f"request {row.pk}",
            f"{row.person.display_name} asks for {names.get(row.application, row.application)}",
            row.reason,
            reverse("console:requests"),
        )


def _own() -> Iterator[Waiting]:
    """As long as it is in force."""
    names = applications.application_names()
    for row in given_to_themselves():
        name = names.get(row.application, row.application)
        ends = f"until {told(row.until)}" if row.until else "until somebody ends it"
        yield Waiting(
            Kind.OWN,
            f"own {row.pk}",
            f"{row.decided_by} gave {name} to themselves",
            f"{', '.join(filter(None, (row.entitlement, ends)))}: {row.reason.rstrip('.')}. "
            "Somebody else should look whether that is right.",
            reverse("console:person", args=[row.person.uid]),
            row.application,
        )
