"""How a company takes its people in: who is invited and when, what they are asked to verify.
Values only; who invites and who verifies is decided elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

#: Given and family name together, as one question.
NAME: Final = "name"
DEFAULT_VERIFY: Final = (NAME, "employee_number")


class Invite(StrEnum):
    """Who sends the first invitation."""

    BY_HAND = "by_hand"
    AUTOMATIC = "automatic"


class Trigger(StrEnum):
    """When the accounts of somebody new are made."""

    START = "start"
    ONBOARDING = "onboarding"


class SendTo(StrEnum):
    """Which address of HR's an invitation and its code go to; the other one where it is missing."""

    PERSONAL = "personal"
    WORK = "work"


@dataclass(frozen=True, slots=True)
class Onboarding:
    """`ahead`: so long before the first day an automatic invitation goes out. `valid`: how long an
    invitation can be used. `verify`: names of attributes that the person is asked for, beside the
    code that is sent to them. `trigger`: whether accounts are made for the first day, or when
    they have come in. `networks`: what the company calls a place -> its addresses (CIDR), told
    to the phone that lets a computer in. `wallet`: how wallets are asked, as the document
    writes it; None where they are not."""

    invite: Invite = Invite.BY_HAND
    ahead: timedelta = timedelta(days=7)
    valid: timedelta = timedelta(days=7)
    send_to: SendTo = SendTo.PERSONAL
    verify: tuple[str, ...] = DEFAULT_VERIFY
    trigger: Trigger = Trigger.START
    networks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    wallet: Mapping[str, Any] | None = None

    def as_plain(self) -> dict[str, Any]:
        """As the company's row keeps it: lengths of time in seconds."""
        return {
            "invite": self.invite.value,
            "ahead": int(self.ahead.total_seconds()),
            "valid": int(self.valid.total_seconds()),
            "send_to": self.send_to.value,
            "verify": list(self.verify),
            "trigger": self.trigger.value,
            "networks": {name: list(ranges) for name, ranges in self.networks.items()},
            "wallet": dict(self.wallet) if self.wallet else None,
        }


def asked_names(verify: Sequence[str]) -> list[str]:
    """The attributes that are asked for: a name is asked for in its two parts."""
    return [
        part
        for name in verify
        for part in (("given_name", "family_name") if name == NAME else (name,))
    ]


def onboarding_of(plain: Mapping[str, Any]) -> Onboarding:
    """From what the company's row keeps; what is not there has its default."""
    default = Onboarding()
    return Onboarding(
        invite=Invite(plain.get("invite", default.invite)),
        ahead=_length(plain, "ahead", default.ahead),
        valid=_length(plain, "valid", default.valid),
        send_to=SendTo(plain.get("send_to", default.send_to)),
        verify=tuple(plain.get("verify", default.verify)),
        trigger=Trigger(plain.get("trigger", default.trigger)),
        networks={name: tuple(ranges) for name, ranges in plain.get("networks", {}).items()},
        wallet=plain.get("wallet"),
    )


def _length(plain: Mapping[str, Any], name: str, default: timedelta) -> timedelta:
    return timedelta(seconds=plain[name]) if name in plain else default
