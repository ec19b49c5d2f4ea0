"""How things look: colours and letters of monograms, signs and words of states, amounts, times.
Plain functions from values to what is shown; knows no template and no database."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from django.utils import timezone

from tenure.applications.models import Account
from tenure.audit.models import Action
from tenure.core.instants import zone_name
from tenure.core.model import LifecycleState, OperationKind, OperationState, Situation
from tenure.infra.colours import contrast_with_white
from tenure.runs.models import RunState

#: Dark enough for white letters on every one of them (4.5:1 and more).
PALETTE: Final = (
    "#2563a8", "#8a3f9c", "#0f766e", "#a8471f", "#4f5bb5", "#9a2f5c",
    "#3c7235", "#7d5a12", "#14708f", "#6b4a8e", "#a33a3a", "#4b6478",
)  # fmt: skip
HUES: Final = 8
_SYMBOLS: Final = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "INR": "₹", "KRW": "₩"}
_OKLCH: Final = re.compile(r"oklch\(\s*([0-9.]+)(%?)[\s0-9.%-]*\)", re.IGNORECASE)
_HEX: Final = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Mark:
    """A word with its meaning: make, change, remove, wait or none. Never the colour alone."""

    word: str
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class Monogram:
    """Two letters on a colour."""

    letters: str
    fill: str
    ink: str


PERSON: Final = {
    LifecycleState.UPCOMING.value: Mark("Upcoming", "wait"),
    LifecycleState.ACTIVE.value: Mark("Active", "make"),
    LifecycleState.ON_LEAVE.value: Mark("On leave", "change"),
    LifecycleState.SUSPENDED.value: Mark("Suspended", "change"),
    LifecycleState.LEAVING.value: Mark("Leaving", "remove"),
    LifecycleState.LEFT.value: Mark("Left", "remove"),
}
RUN: Final = {
    RunState.RUNNING.value: Mark("Running", "change"),
    RunState.PAUSED.value: Mark("Paused", "wait"),
    RunState.HELD.value: Mark("Held", "wait"),
    RunState.DONE.value: Mark("Done", "make"),
    RunState.FAILED.value: Mark("Failed", "remove"),
    RunState.CANCELLED.value: Mark("Cancelled"),
}
OPERATION: Final = {
    OperationState.PLANNED.value: Mark("Waiting to go"),
    OperationState.HELD.value: Mark("Held", "wait"),
    OperationState.STARTED.value: Mark("Under way", "change"),
    OperationState.DONE.value: Mark("Done", "make"),
    OperationState.RETRYING.value: Mark("Trying again", "change"),
    OperationState.FAILED.value: Mark("Failed", "remove"),
    OperationState.UNKNOWN.value: Mark("Checking", "change"),
    OperationState.CANCELLED.value: Mark("Cancelled"),
    OperationState.REJECTED.value: Mark("Rejected"),
    OperationState.MANUAL.value: Mark("By hand", "wait"),
}
#: Of an operation that failed and gave way to a later plan.
ANEW: Final = Mark("Planned anew")
#: Sign, meaning, and the verb as an order and as a fact.
KINDS: Final = {
    OperationKind.CREATE.value: ("+", "make", "Create", "create"),
    OperationKind.ENABLE.value: ("+", "make", "Enable", "enable"),
    OperationKind.GRANT.value: ("+", "make", "Grant", "grant"),
    OperationKind.UPDATE.value: ("~", "change", "Update", "update"),
    OperationKind.REVOKE.value: ("−", "remove", "Revoke", "revoke"),
    OperationKind.TRANSFER.value: ("~", "change", "Hand over", "hand over"),
    OperationKind.DISABLE.value: ("−", "remove", "Disable", "disable"),
    OperationKind.DELETE.value: ("−", "remove", "Delete", "delete"),
}
SITUATIONS: Final = {
    Situation.LINKED.value: Mark("Linked", "make"),
    Situation.UNLINKED.value: Mark("Not tied", "change"),
    Situation.UNMATCHED.value: Mark("No owner", "change"),
    Situation.DISPUTED.value: Mark("Disputed", "wait"),
    Situation.IGNORED.value: Mark("Ignored", "calm"),
    Situation.DELETED.value: Mark("Removed", "remove"),
}

#: What an event of the trail means; the others mean nothing of the four.
EVENTS: Final = {
    **dict.fromkeys(
        (
            Action.PERSON_ADDED,
            Action.ACCOUNT_CREATED,
            Action.ACCOUNT_ADOPTED,
            Action.ACCOUNT_ENABLED,
            Action.ENTITLEMENT_GRANTED,
            Action.APPLICATION_RESUMED,
            Action.WRITES_RESUMED,
            Action.RESTORE_FINISHED,
            Action.PLAN_APPROVED,
            Action.PERSON_REINSTATED,
            Action.PERSON_RESUMED,
            Action.IMPORT_APPROVED,
            Action.WRITE_BACK_APPROVED,
            Action.PASSKEY_ADDED,
            Action.IDENTITY_VERIFIED,
            Action.IDENTITY_VOUCHED,
        ),
        "make",
    ),
    **dict.fromkeys(
        (
            Action.PERSON_CHANGED,
            Action.PERSON_STATE_CHANGED,
            Action.WRITTEN_BACK,
            Action.REMOVAL_SAID_DONE,
            Action.ACCOUNT_UPDATED,
            Action.ACCOUNT_DRIFTED,
            Action.CONFIGURATION_CHANGED,
            Action.EXCEPTION_ADDED,
            Action.EXCEPTION_ENDED,
            Action.LEGAL_HOLD_SET,
            Action.LEGAL_HOLD_ENDED,
        ),
        "change",
    ),
    **dict.fromkeys(
        (
            Action.PERSON_TERMINATED,
            Action.PERSON_SUSPENDED,
            Action.ACCOUNT_DISABLED,
            Action.ACCOUNT_DELETED,
            Action.ACCOUNT_DELETED_THERE,
            Action.ENTITLEMENT_REVOKED,
            Action.OPERATION_FAILED,
            Action.APPLICATION_STOPPED,
            Action.WRITES_STOPPED,
            Action.RESTORED,
            Action.WRITE_BACK_FAILED,
            Action.WRITE_BACK_STOPPED,
            Action.WRITE_BACK_REJECTED,
            Action.PLAN_REJECTED,
            Action.ACCESS_ENDED,
            Action.SESSIONS_ENDED,
            Action.SIGN_OUT_NOT_DONE,
            Action.PASSKEY_REMOVED,
            Action.INVITATION_WITHDRAWN,
            Action.IDENTITY_REJECTED,
            Action.SIGN_IN_REFUSED,
        ),
        "remove",
    ),
    **dict.fromkeys(
        (
            Action.PLAN_HELD,
            Action.IMPORT_HELD,
            Action.WRITE_BACK_HELD,
            Action.IDENTITY_DOUBTED,
            Action.SIGN_OUT_ASKED,
        ),
        "wait",
    ),
}


def monogram(name: str, slug: str, colour: str = "") -> Monogram:
    """The letters of a name, on its own colour if that can be read, on one of ours otherwise."""
    fill, ink = PALETTE[bucket(slug, len(PALETTE))], "#ffffff"
    colour = colour.strip()
    if _HEX.fullmatch(colour):
        fill, ink = colour, "#ffffff" if contrast_with_white(colour) >= 4.5 else "#10201f"
    elif found := _OKLCH.fullmatch(colour):
        lightness = float(found[1]) / (100 if found[2] else 1)
        # Against white, every hue passes 4.5:1 up to here; above 0.65 every hue does against ink.
        if lightness <= 0.53 or lightness >= 0.65:
            fill, ink = colour, "#ffffff" if lightness <= 0.53 else "#10201f"
    return Monogram(letters(name, lower_second=True), fill, ink)


def letters(name: str, *, lower_second: bool = False) -> str:
    """One or two letters that stand for a name, in any script."""
    parts = [part for part in re.split(r"[\s,_/-]+", name) if part and part[0].isalnum()]
    if not parts:
        return "?"
    if len(parts) == 1 and lower_second:
        return parts[0][0].upper() + parts[0][1:2].lower()
    if len(parts) == 1:
        return parts[0][0].upper()
    second = parts[1 if lower_second else -1][0]
    return parts[0][0].upper() + (second.lower() if lower_second else second.upper())


def bucket(text: str, size: int) -> int:
    """The same number below `size` for the same text, always."""
    return zlib.crc32(text.encode()) % size


#: An account that can be used.
ACTIVE: Final = Mark("Active", "make")


def account_mark(account: Account) -> Mark:
    """What an account is now, in a word."""
    if account.situation == Situation.DELETED.value:
        return Mark("Removed", "remove")
    if account.situation != Situation.LINKED.value:
        return SITUATIONS[account.situation]
    if account.active is False:
        return Mark("Disabled", "remove")
    return ACTIVE


def money(amount: Decimal, currency: str) -> str:
    """`€ 4,310`, `CHF 7.25`: cents only where there are any."""
    whole = amount == amount.to_integral_value()
    text = f"{amount:,.0f}" if whole or abs(amount) >= 10_000 else f"{amount:,.2f}"
    return f"{_SYMBOLS.get(currency, currency)}\u00a0{text}".strip()


def costs(amounts: Mapping[str, Decimal]) -> str:
    """Every currency, largest amount first."""
    ordered = sorted(amounts.items(), key=lambda item: -item[1])
    return " + ".join(money(amount, currency) for currency, amount in ordered)


def when(at: datetime, now: datetime | None = None) -> str:
    """`today 09:12 CET`, `23 Nov 18:00 CET`, `3 Mar 2024 09:00 CET`, in the current zone."""
    local = timezone.localtime(at)
    today = timezone.localtime(now).date()
    clock = f"{local:%H:%M}\u00a0{zone_name(local)}"
    if local.date() == today:
        return f"today {clock}"
    if local.date() == today - timedelta(days=1):
        return f"yesterday {clock}"
    if local.year == today.year:
        return f"{local.day}\u00a0{local:%b} {clock}"
    return f"{local.day}\u00a0{local:%b}\u00a0{local.year} {clock}"


def ago(at: datetime, now: datetime | None = None) -> str:
    """`12 seconds ago`; beyond a day, when it was."""
    seconds = int(((now or timezone.now()) - at).total_seconds())
    if seconds < 0 or seconds >= 86_400:
        return when(at, now)
    for size, word in ((3600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {word}{'s' if count != 1 else ''} ago"
    return "just now"


def span(seconds: float) -> str:
    """`8 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min" + (f" {whole % 60} s" if whole % 60 and whole < 600 else "")
    return f"{whole // 3600} h" + (f" {whole % 3600 // 60} min" if whole % 3600 >= 60 else "")


def duration(value: timedelta) -> str:
    """`30 days`, `12 hours`."""
    days, rest = divmod(int(value.total_seconds()), 86_400)
    if not rest:
        return f"{days} day{'s' if days != 1 else ''}"
    if days:
        return f"{days} d {span(rest)}"
    return span(rest)
