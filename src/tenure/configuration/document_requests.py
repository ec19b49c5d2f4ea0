"""Asking for an application that no rule gives: who may ask, who decides, for how long at most."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from tenure.configuration.values import Duration, EntitlementKey, Expression, Part

_PERSON = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class Requestable(Part):
    """People see it in their portal and may ask for it. What is given ends by itself."""

    approver: Literal["manager", "owner", "named"] = Field(
        default="manager",
        description="Who decides: the manager of who asks, the application's owner, or those "
        "named. Where they have left or are away: the owner, then an administrator.",
    )
    named: list[_PERSON] = Field(
        default_factory=list,
        description="With `approver: named`: employee numbers of who decides, any one of them.",
    )
    longest: Duration = Field(
        default=timedelta(days=90), description="Nobody is given it for longer at a time: P90D."
    )
    answer_within: Duration = Field(
        default=timedelta(days=7),
        description="A request that nobody answers is over after so long: P7D.",
    )
    when: Expression | None = Field(
        default=None,
        description='Who may ask, a condition: user.employment_type == "employee". Empty: all.',
    )
    entitlements: list[EntitlementKey] = Field(
        default_factory=list,
        description="Which of the application's entitlements may be asked for, with the account.",
    )
    words: Annotated[str, StringConstraints(max_length=300)] = Field(
        default="", description="What it is for, shown to who looks for something to ask for."
    )

    @model_validator(mode="after")
    def _agrees(self) -> Requestable:
        if (self.approver == "named") != bool(self.named):
            raise ValueError(
                "`approver: named` needs the employee numbers of who decides in `named`, and "
                "`named` needs `approver: named`. Give both, or none of the two."
            )
        for name in ("longest", "answer_within"):
            if getattr(self, name) < timedelta(hours=1):
                raise ValueError(f"{name} is shorter than an hour. Expected PT1H or longer.")
        return self


def given(value: Any) -> Any:
    """`true` is all defaults, `false` is none."""
    if isinstance(value, bool):
        return {} if value else None
    return value


def requestable_settings(part: Requestable | None) -> dict[str, Any]:
    """As it is stored with the application, never empty where it may be asked for."""
    return part.model_dump(mode="json") if part is not None else {}


def requestable_of(stored: dict[str, Any]) -> Requestable | None:
    """What was stored; None where nobody may ask for it."""
    return Requestable.model_validate(stored) if stored else None
