"""What is known of how people stay signed in to an application, and how that is ended there."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from tenure.configuration.values import Duration, Part


class Sessions(Part):
    """Of the application's own sessions, which nothing of ours can end where it takes no message.
    Every part may be left out: it is not known then, or as the catalogue says."""

    when_closed: Literal["end", "go_on"] | None = Field(
        default=None,
        description="Whether what somebody is signed in to ends when their account is closed.",
    )
    longest: Duration | None = Field(
        default=None,
        description="For how long at most it keeps somebody signed in without asking again: PT8H.",
    )
    sign_out: Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000)] = Field(
        default="", description="How somebody is signed out there by hand; stands in the tasks."
    )


def session_settings(part: Sessions | None) -> dict[str, Any]:
    """As it is stored with the application."""
    return part.model_dump(mode="json", exclude_defaults=True) if part else {}


def stored_sessions(stored: dict[str, Any]) -> Sessions:
    """What was stored."""
    return Sessions.model_validate(stored)
