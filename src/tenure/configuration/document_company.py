"""The section of the company: who we are, how addresses are made, how people come in."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from tenure.configuration.values import Duration, Part, Text
from tenure.people.onboarding import Invite, SendTo
from tenure.people.onboarding import Onboarding as PeopleOnboarding

_ONBOARDING = PeopleOnboarding()


class Onboarding(Part):
    """How people come in: who invites them and when, and what they are asked to verify."""

    invite: Invite = Field(
        default=_ONBOARDING.invite,
        description="`automatic`: everybody, in time before their first day. `by_hand`: nobody.",
    )
    ahead: Duration = Field(
        default=_ONBOARDING.ahead,
        description="So long before the first day an automatic invitation is sent: P7D.",
    )
    valid: Duration = Field(
        default=_ONBOARDING.valid, description="How long an invitation can be used: P7D."
    )
    send_to: SendTo = Field(
        default=_ONBOARDING.send_to,
        description="Which address invitations and codes go to, where HR knows both.",
    )
    verify: list[str] = Field(
        default_factory=lambda: list(_ONBOARDING.verify),
        description="Attributes that are asked for and compared with HR's: [name, phone].",
    )


class Company(Part):
    """Who we are, how corporate addresses are made, and whether changes wait for a review."""

    name: Text = Field(description="What the company is called.")
    domain: Annotated[str, StringConstraints(max_length=253)] = Field(
        default="", description="Domain of corporate e-mail addresses. Empty: none are made."
    )
    time_zone: str = Field(
        default="UTC", description="IANA name, for people whose source names none."
    )
    email_formats: list[str] = Field(
        default_factory=list,
        description="Tried in order until an address is free: {first}, {last}, {f}, {l}, {n}.",
    )
    plans: Literal["review", "automatic"] = Field(
        default="review",
        description="Whether changes wait for `tenure apply` or go ahead, within guards.",
    )
    leaver_grace: Duration | None = Field(
        default=None,
        description="For so long after somebody has left nothing is deleted, only closed: P14D.",
    )
    colour: str = Field(
        default="", description="#rrggbb, for invitations and the portal. Empty: Tenure's own."
    )
    onboarding: Onboarding = Field(default_factory=Onboarding)
