"""How an application is set up, in words: its connection, its policy, and what of it is in use.
What is secret is never read here; references to secrets are named by where they point."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from tenure.applications import pacing
from tenure.applications.models import Application, ConnectionCheck
from tenure.console import look
from tenure.core.guard import Counted, guard_from, span
from tenure.core.model import ApplicationMode, LeaveAction, RemovalAction
from tenure.infra.clock import now
from tenure.provisioning.reconciliation import connection as checking
from tenure.provisioning.reconciliation.regularly import BY_HAND

_SECRET_NAME = re.compile(r"secret|token|password|passphrase|credential|api_?key|private", re.I)
_REFERENCE = re.compile(r"\$\{(env|file|box):([^}]*)\}")
_WHERE = {"env": "environment variable", "file": "file", "box": "the secrets box, as"}
_REMOVAL = {
    RemovalAction.DISABLE.value: "disabled",
    RemovalAction.DELETE.value: "deleted",
    RemovalAction.KEEP.value: "kept as it is",
}
_LEAVE = {
    LeaveAction.KEEP.value: "kept as it is",
    LeaveAction.DISABLE.value: "disabled",
    LeaveAction.FREE.value: "disabled, licences given back",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of how an application is set up."""

    label: str
    value: str
    code: bool = False


@dataclass(frozen=True, slots=True)
class Aspect:
    """One part of an application: whether it is in use, in a word and a line, and where it is set.
    `address`: the name of its page."""

    icon: str
    label: str
    mark: look.Mark
    line: str
    address: str


def aspects(row: Application, tested: ConnectionCheck | None) -> list[Aspect]:
    """What an application is used for, in the order of its tabs. `tested`: the latest test of its
    connection that has ended."""
    return [
        _connection_aspect(row, tested),
        _sign_on_aspect(row),
        _provisioning_aspect(row),
        _requests_aspect(row),
    ]


def _connection_aspect(row: Application, tested: ConnectionCheck | None) -> Aspect:
    if tested is None or tested.finished_at is None:
        mark, line = look.Mark("Not tested"), f"By its {row.connector} connector"
    else:
        well = checking.outcome(tested)
        mark = look.Mark("Works", "make") if well else look.Mark("Fails", "remove")
        line = f"Tested {look.ago(tested.finished_at)}"
    return Aspect("plug", "Connection", mark, line, "console:connection")


def _sign_on_aspect(row: Application) -> Aspect:
    if not row.single_sign_on:
        mark, line = look.Mark("Off"), "People sign in there by themselves"
    else:
        word = "SAML" if "saml" in row.single_sign_on else "OpenID Connect"
        mark, line = look.Mark("On", "make"), f"By {word}"
    return Aspect("log-in", "Single sign-on", mark, line, "console:application_sso")


def _provisioning_aspect(row: Application) -> Aspect:
    count = len(row.mapping)
    line = f"{count} attribute{'' if count == 1 else 's'} written"
    if row.mode == ApplicationMode.REPORT.value:
        mark, line = look.Mark("Report only"), "Read and planned for, never written to"
    elif row.paused_at is not None:
        mark = look.Mark("Stopped", "remove")
    else:
        mark = look.Mark("Live", "make")
    address = "console:application_provisioning"
    return Aspect("user-round-cog", "Provisioning", mark, line, address)


def _requests_aspect(row: Application) -> Aspect:
    mark = look.Mark("On", "make") if row.requestable else look.Mark("Off")
    line = "People may ask for it" if row.requestable else "Only by rules and exceptions"
    return Aspect("inbox", "Requests", mark, line, "console:application_settings")


def connection(row: Application) -> list[Setting]:
    found = [Setting("Connector", row.connector, code=True)]
    if row.catalogue_entry:
        found.append(Setting("Catalogue", row.catalogue_entry))
    found += [Setting(_label(key), _public(key, value)) for key, value in row.settings.items()]
    found += [Setting(_label(key), reference(text)) for key, text in row.secrets.items()]
    limits = [f"{_label(k)} {v}" for k, v in row.limits.items() if v is not None]
    if limits:
        found.append(Setting("Pace", ", ".join(limits)))
    found += [Setting("It asked us to be slower", str(item)) for item in pacing.told(row, now())]
    return found


def policy(row: Application) -> list[Setting]:
    guard = guard_from(row.guard)
    gone = _REMOVAL[row.removal]
    if row.removal == RemovalAction.DISABLE.value and row.delete_after is not None:
        gone += f", deleted after {look.duration(row.delete_after)}"
    found = [
        Setting("When access ends", gone),
        Setting("While on leave", _LEAVE[row.leave]),
        *(
            Setting(f"Guard: {what}", f"{limit} in {span(limit.window)}")
            for what in Counted
            if not (limit := guard.of(what)).unlimited
        ),
        Setting(
            "Guard: failures",
            f"at most {float(guard.failures.percent):g} % of {guard.failures.least} or more in "
            f"{span(guard.failures.window)}",
        ),
    ]
    if row.connector != BY_HAND:
        found.insert(2, Setting("Read by itself", _often(row.reconcile_every)))
    if row.lead:
        found.insert(0, Setting("Made", f"{look.duration(row.lead)} before the first day"))
    if row.seat_price is not None:
        price = f"{look.money(row.seat_price, row.seat_currency)} a month"
        found.append(Setting("A seat", price))
    return found


def _often(every: timedelta | None) -> str:
    if every is None:
        return "never"
    return "every day" if every == timedelta(days=1) else f"every {look.duration(every)}"


def _label(key: str) -> str:
    text = key.replace("_", " ").replace("-", " ").strip()
    return text[:1].upper() + text[1:]


def _public(key: str, value: Any) -> str:
    """A setting without anything secret: a name that sounds like one, a login in an address."""
    if _SECRET_NAME.search(key):
        return reference(value) if isinstance(value, str) else "set"
    if isinstance(value, dict):
        return ", ".join(f"{_label(k)}: {_public(k, v)}" for k, v in value.items()) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_public(key, item) for item in value) or "none"
    text = str(value)
    return _without_login(text) if "@" in text and "://" in text else text


def _without_login(address: str) -> str:
    try:
        parts = urlsplit(address)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    except ValueError:
        return "set"


def reference(text: str) -> str:
    """Where a secret is, in words; never what it is."""
    found = _REFERENCE.fullmatch(text.strip())
    return f"from {_WHERE[found[1]]} {found[2]}" if found else "set"
