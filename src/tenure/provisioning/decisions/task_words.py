"""A task in words: what to do, value by value, and what to look at before saying that it is done.

All of it is read from the operation, so that it is as concrete for an application of which nobody
has written instructions as for any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from tenure.applications.models import Application
from tenure.catalogue.filling import complete
from tenure.core.instants import told
from tenure.core.model import OperationKind, RemovalAction, Value
from tenure.core.planner import GONE, unclosed_until
from tenure.core.transfers import OWNER
from tenure.core.veiling import is_veiled
from tenure.infra.clock import now
from tenure.people.services import stand, zone_of
from tenure.provisioning.models import Operation
from tenure.provisioning.records.loading import policy_of
from tenure.provisioning.records.work import IDENTIFYING, ONLY_LOOKS

_WHAT = {
    OperationKind.CREATE: "Make an account for {person} in {application}.",
    OperationKind.UPDATE: "Change the account {account} in {application}.",
    OperationKind.DISABLE: "Close the account {account} in {application}.",
    OperationKind.ENABLE: "Open the account {account} in {application}.",
    OperationKind.TRANSFER: "Hand over what the account {account} has in {application}.",
    OperationKind.DELETE: "Delete the account {account} in {application}.",
    OperationKind.GRANT: "Give the account {account} in {application} what is listed.",
    OperationKind.REVOKE: "Take from the account {account} in {application} what is listed.",
}
_SWITCH = {
    OperationKind.DISABLE: "deactivate it (suspend or block it), so that nobody can sign in with "
    "it; do not delete it",
    OperationKind.ENABLE: "activate it, so that its owner can sign in with it again",
    OperationKind.DELETE: "delete it for good",
}
_CHECK = {
    OperationKind.UPDATE: "The account shows these values after it was saved.",
    OperationKind.DISABLE: "The account is shown as deactivated, and nobody is signed in with it.",
    OperationKind.ENABLE: "The account is shown as active.",
    OperationKind.TRANSFER: "Nothing belongs to the account any more.",
    OperationKind.DELETE: "A search for {account} finds nothing.",
    OperationKind.GRANT: "The account is listed where it was given something.",
    OperationKind.REVOKE: "The account is not listed any more where something was taken.",
}


def what(row: Operation) -> str:
    """In one sentence, which account of whom in which application."""
    person = row.person.display_name if row.person else ""
    if only_looks(row):
        return f"Look whether {person} has an account in {row.application.name}."
    name = str(row.account or person)
    whose = f"{name} of {person}" if person and name != person else name
    kind = OperationKind.GRANT if made_already(row) else OperationKind(row.kind)
    return _WHAT[kind].format(person=person, account=whose, application=row.application.name)


def steps(row: Operation, clear: Mapping[str, Value | None]) -> Iterator[str]:
    """Every value to set, and everything to give and to take. `clear`: sensitive values that may be
    shown, by attribute."""
    kind = OperationKind(row.kind)
    if only_looks(row):
        yield from _looking(row)
        return
    if row.account is not None:
        yield f"look for the account {row.account}{_id(row)}"
    elif row.person is not None:
        yield "look first whether they have an account there already: if so, take that one"
    if kind is OperationKind.TRANSFER:
        heir = row.attributes.get(OWNER, {}).get("to")
        whom = f"the account with the id {heir}" if heir else "somebody who is to have it"
        yield f"make {whom} the owner of all that it owns"
    elif not made_already(row):
        for name, change in row.attributes.items():
            yield _value(name, change, clear)
    if kind is OperationKind.CREATE and not row.active and not made_already(row):
        yield "leave it deactivated: it is opened later"
    if kind in _SWITCH:
        yield _SWITCH[kind]
    if kind is OperationKind.DISABLE and (until := _deleted_at(row)) is not None:
        yield (
            f"it is deleted on {told(until)}, whether it was closed by then or not; where it can "
            "only be deleted there, and nobody needs what is in it, that may be done now"
        )
    for word, keys in (("give", row.grant), ("take", row.revoke)):
        done_already = set(row.progress.get("grant" if word == "give" else "revoke", ()))
        for key in keys:
            if key not in done_already:
                of, _, name = key.partition(":")
                yield f"{word} the {of} {name}"


def check(row: Operation) -> str:
    """What to look at before it is said to be done."""
    kind = OperationKind.GRANT if made_already(row) else OperationKind(row.kind)
    if only_looks(row):
        return (
            "Say that it is done where there is one: it is closed by itself then, as soon as it is "
            "found. Else say that there is none, and where you looked."
        )
    if kind is OperationKind.CREATE:
        state = "active" if row.active else "deactivated"
        return f"There is one account of theirs, {state}, with these values. {_told(row)}"
    return _CHECK[kind].format(account=row.account or "it")


def made_already(row: Operation) -> bool:
    """Whether the account that was to be made is there, and only what it lacks is left to do."""
    return row.kind == OperationKind.CREATE.value and row.account is not None


def only_looks(row: Operation) -> bool:
    """Whether nothing is to be made any more, and what may have been made has to be found."""
    return ONLY_LOOKS in row.progress and row.account is None


def _looking(row: Operation) -> Iterator[str]:
    yield "it was to be made, nobody answered whether it was, and it is no longer due: find out"
    for name in IDENTIFYING:
        if name in row.attributes:
            yield f"look for {_value(name, row.attributes[name], {})}"


def how(row: Operation) -> str:
    """Where and how it is done, as somebody has written it down; "" where nobody has. What an
    administrator writes holds for tasks that wait already."""
    application: Application = row.application
    if application.connector != "manual":
        return row.error.partition("\n")[2]
    told = complete(application.catalogue_entry, application.connector, application.settings)
    return str(told.get("instructions") or "")


def cause(row: Operation) -> str:
    """Why it has to be done by hand, and where it can be said how."""
    application: Application = row.application
    told = how(row)
    why = row.error.partition("\n")[0].removesuffix(told).strip()
    if application.connector == "manual" and not told:
        return (
            f"{why} Nobody has written down where and how: an administrator can, as the "
            f"instructions of {application.name}, and they then stand here."
        )
    return why


def _deleted_at(row: Operation) -> datetime | None:
    """When the account of a leaver is deleted that this is to close, in their time zone."""
    person, application = row.person, row.application
    if person is None or row.asked_at is None or person.legal_hold_since is not None:
        return None
    if application.transfer_to:
        # What they own has to be handed over first, whenever that is.
        return None
    stands = stand(person, now())
    if stands.state not in GONE:
        return None
    policy = policy_of(application)
    if policy.removal is RemovalAction.DELETE:
        # Closed for the company's grace only.
        at = stands.until
    else:
        at = unclosed_until(row.asked_at, stands.left_at, policy)
        at = max(at, stands.until or at) if at is not None else None
    return at.astimezone(zone_of(person)) if at is not None else None


def _id(row: Operation) -> str:
    """As far as it has one there: done by hand, and no id given, it has ours."""
    account = row.account
    ours = str(row.person.uid) if row.person else ""
    if account is None or account.remote_id in (str(account), ours):
        return ""
    return f" (its id there is {account.remote_id})"


def _told(row: Operation) -> str:
    """How it is known afterwards which account it is."""
    if row.application.connector == "manual":
        return "If it has an id there, note it: it is asked for when this is said to be done."
    return f"{row.application.name} is asked for it when this is said to be done."


def _value(name: str, change: Mapping[str, object], clear: Mapping[str, Value | None]) -> str:
    value = clear.get(name, change.get("to"))
    now = change.get("from")
    there = "" if now in (None, "", []) or is_veiled(now) else f" (now {_text(now)})"
    return f"{name}: {_text(value)}{there}"


def _text(value: object) -> str:
    if value in (None, "", []):
        return "(empty)"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
