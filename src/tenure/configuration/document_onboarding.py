"""How people come in, as the company's section says it."""

from __future__ import annotations

from pydantic import Field

from tenure.configuration.document_wallet import Wallet
from tenure.configuration.values import Duration, Part, Text
from tenure.people.onboarding import Invite, SendTo, Trigger
from tenure.people.onboarding import Onboarding as Settings

_DEFAULT = Settings()


class Onboarding(Part):
    """Who invites people and when, and what they are asked to verify."""

    invite: Invite = Field(
        default=_DEFAULT.invite,
        description="`automatic`: everybody, in time before their first day. `by_hand`: nobody.",
    )
    ahead: Duration = Field(
        default=_DEFAULT.ahead,
        description="So long before the first day an automatic invitation is sent: P7D.",
    )
    valid: Duration = Field(
        default=_DEFAULT.valid, description="How long an invitation can be used: P7D."
    )
    send_to: SendTo = Field(
        default=_DEFAULT.send_to,
        description="Which address invitations and codes go to, where HR knows both.",
    )
    verify: list[str] = Field(
        default_factory=lambda: list(_DEFAULT.verify),
        description="Attributes that are asked for and compared with HR's: [name, phone].",
    )
    trigger: Trigger = Field(
        default=_DEFAULT.trigger,
        description="When accounts of new people are made: `start`, for the first day; "
        "`onboarding`, when they have come in.",
    )
    networks: dict[Text, list[str]] = Field(
        default_factory=dict,
        description="What a place is called, and its addresses: {Berlin office: [10.1.0.0/16]}.",
    )
    wallet: Wallet | None = Field(
        default=None, description="What is asked may come from a wallet: see the how-to."
    )


def stored_onboarding(item: Settings) -> Onboarding:
    """As the document writes it."""
    return Onboarding(
        invite=item.invite,
        ahead=item.ahead,
        valid=item.valid,
        send_to=item.send_to,
        verify=list(item.verify),
        trigger=item.trigger,
        networks={name: list(ranges) for name, ranges in item.networks.items()},
        wallet=Wallet.model_validate(item.wallet) if item.wallet else None,
    )


def onboarding_settings(part: Onboarding) -> Settings:
    """As it is stored."""
    return Settings(
        invite=part.invite,
        ahead=part.ahead,
        valid=part.valid,
        send_to=part.send_to,
        verify=tuple(part.verify),
        trigger=part.trigger,
        networks={name: tuple(ranges) for name, ranges in part.networks.items()},
        wallet=part.wallet.model_dump(mode="json") if part.wallet else None,
    )
