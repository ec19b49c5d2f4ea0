"""Who may sign in to an application now: what the access rules give, and what the application's
own policy adds. The instant, the address and what is stored are arguments."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import TypeAlias

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


class Verdict(StrEnum):
    """What becomes of somebody who wants to sign in."""

    ALLOWED = "allowed"
    #: Their account is being made: they wait, and go on by themselves.
    SETTING_UP = "setting_up"
    #: They have to use their passkey once more.
    CONFIRM = "confirm"
    REFUSED = "refused"


class Cause(StrEnum):
    """Why somebody is not let in yet, or not at all; what the page says depends on it."""

    NONE = ""
    OUTSIDE = "outside"  # suspended, or no longer here
    NOT_GIVEN = "not_given"  # no access rule gives it
    NETWORK = "network"
    COUNTRY = "country"
    HOURS = "hours"
    ACCOUNT = "account"  # there is none, and nothing makes one
    COMING = "coming"  # it is being made
    BY_HAND = "by_hand"  # a person makes it, or has to approve it
    PASSKEY = "passkey"
    DETAILS = "details"  # something that the application is told of them is missing


class Stage(StrEnum):
    """How far the account is."""

    OPEN = "open"
    COMING = "coming"
    BY_HAND = "by_hand"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Hours:
    """Days of the week (Monday is 0) and a time of day, in the person's own zone. `until` None is
    the end of the day; before `begins` it is on the day after."""

    days: frozenset[int]
    begins: time = time(0)
    until: time | None = None

    def holds(self, local: datetime) -> bool:
        at, today = local.time(), local.weekday()
        if self.until is None:
            return today in self.days and at >= self.begins
        if self.until > self.begins:
            return today in self.days and self.begins <= at < self.until
        yesterday = (today - 1) % 7
        return (today in self.days and at >= self.begins) or (
            yesterday in self.days and at < self.until
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """What an application asks for beyond its access rules."""

    networks: tuple[Network, ...] = ()
    #: ISO 3166-1, two letters.
    countries: frozenset[str] = frozenset()
    hours: Hours | None = None
    passkey_within: timedelta | None = None
    needs_account: bool = True


@dataclass(frozen=True, slots=True)
class Standing:
    """Who asks: whether they may come in at all, whether rules give the application (`why` says
    it to an administrator), how far the account is, and from where and when they ask."""

    may_come_in: bool
    due: bool
    why: str
    stage: Stage
    local: datetime
    address: str | None = None
    #: Of the address; "" where it is not known. `own_network`: it is one of the company's.
    country: str = ""
    own_network: bool = False
    #: When a passkey last signed in this session; None where none did.
    passkey_at: datetime | None = None
    #: What is known of the account, for an administrator.
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """`reason` is a sentence for the administrator."""

    verdict: Verdict
    cause: Cause = Cause.NONE
    reason: str = field(default="")


def decide(who: Standing, policy: Policy) -> Decision:
    """Nothing that is missing lets anybody in."""
    refused = _refused(who, policy)
    if refused is not None:
        return refused
    if policy.needs_account and who.stage is not Stage.OPEN:
        return _without_account(who)
    return _fresh(who, policy.passkey_within) or Decision(Verdict.ALLOWED, reason=who.why)


def fresh(passkey_at: datetime | None, within: timedelta, now: datetime) -> bool:
    """Whether a passkey was used within so long."""
    return passkey_at is not None and now - passkey_at <= within


def _refused(who: Standing, policy: Policy) -> Decision | None:
    if not who.may_come_in:
        return _no(Cause.OUTSIDE, "Suspended, or no longer here: nothing lets them in.")
    if not who.due:
        return _no(Cause.NOT_GIVEN, who.why)
    if policy.networks and not _within(who.address, policy.networks):
        where = who.address or "an unknown address"
        return _no(Cause.NETWORK, f"From {where}, which is in none of the allowed networks.")
    if policy.countries and not who.own_network and who.country not in policy.countries:
        where = who.country or "a country that is not known"
        return _no(Cause.COUNTRY, f"From {where} ({who.address or 'an unknown address'}).")
    if policy.hours is not None and not policy.hours.holds(who.local):
        return _no(Cause.HOURS, f"At {who.local:%a %H:%M} their time, outside the allowed hours.")
    return None


def _without_account(who: Standing) -> Decision:
    if who.stage is Stage.COMING:
        return Decision(Verdict.SETTING_UP, Cause.COMING, who.detail or "The account comes.")
    if who.stage is Stage.BY_HAND:
        return Decision(Verdict.SETTING_UP, Cause.BY_HAND, who.detail or "A person makes it.")
    return _no(Cause.ACCOUNT, who.detail or "They have no account there, and none is made.")


def _fresh(who: Standing, within: timedelta | None) -> Decision | None:
    if within is None or fresh(who.passkey_at, within, who.local):
        return None
    said = "no passkey was used in this session"
    if who.passkey_at is not None:
        minutes = int((who.local - who.passkey_at).total_seconds() // 60)
        said = f"the passkey was last used {minutes} minutes ago"
    return Decision(Verdict.CONFIRM, Cause.PASSKEY, f"A fresh passkey is needed: {said}.")


def _within(address: str | None, networks: tuple[Network, ...]) -> bool:
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    plain = getattr(found, "ipv4_mapped", None) or found
    return any(plain.version == network.version and plain in network for network in networks)


def _no(cause: Cause, reason: str) -> Decision:
    return Decision(Verdict.REFUSED, cause, reason)
