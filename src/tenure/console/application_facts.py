"""How an application is set up, in words: its connection and its policy. What is secret is never
read here; references to secrets are named by where they point."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from tenure.applications import pacing
from tenure.applications.models import Application
from tenure.console import look
from tenure.core.guard import Counted, guard_from, span
from tenure.core.model import LeaveAction, RemovalAction
from tenure.infra.clock import now

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
    if row.lead:
        found.insert(0, Setting("Made", f"{look.duration(row.lead)} before the first day"))
    if row.seat_price is not None:
        price = f"{look.money(row.seat_price, row.seat_currency)} a month"
        found.append(Setting("A seat", price))
    return found


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
