"""The shape of the limits that hold plans and imports. What is not given has its default, which is
the core's."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field

from tenure.configuration.values import Duration, Number, Part
from tenure.core import guard

Percent = Annotated[Number, Field(ge=0, le=100)]
Count = Annotated[int, Field(ge=0)]
_SHORTEST = timedelta(minutes=1)


def _some_time(window: timedelta) -> timedelta:
    if window < _SHORTEST:
        raise ValueError(
            "a limit over no time counts nothing of what was done before, so whatever comes one by "
            "one passes it. Give at least PT1M; P1D is usual."
        )
    return window


Window = Annotated[Duration, AfterValidator(_some_time)]
_GUARD, _SOURCE_GUARD = guard.Guard(), guard.SourceGuard()


def _percent(limit: guard.Limit) -> float:
    assert limit.percent is not None
    return float(limit.percent)


class Limit(Part):
    """More than `percent` within the window is held, but `floor` are always allowed; and more than
    `most`, whatever the percentage."""

    percent: Percent = _percent(_GUARD.removals)
    floor: Count = _GUARD.removals.floor
    most: Count | None = None
    window: Window = guard.WINDOW


class ChangeLimit(Limit):
    """As `Limit`, for changes: accounts or people, each counted once."""

    percent: Percent = _percent(_GUARD.changes)
    floor: Count = _GUARD.changes.floor


class CreateLimit(Limit):
    """As `Limit`, for new accounts: not limited unless `percent` or `most` is given."""

    percent: Percent | None = None  # type: ignore[assignment]  # None: no percentage
    floor: Count = _GUARD.creates.floor


class MissingLimit(Part):
    """More than `percent` of the last import's records missing is held, but `floor` may always be;
    and more than `most`, whatever the percentage. A source without any record is always held."""

    percent: Percent = _percent(_SOURCE_GUARD.missing)
    floor: Count = _SOURCE_GUARD.missing.floor
    most: Count | None = None


class FailureLimit(Part):
    """What is left is held when more than `percent` of at least `least` operations settled within
    the window failed."""

    percent: Percent = float(_GUARD.failures.percent)
    least: Annotated[int, Field(ge=1)] = _GUARD.failures.least
    window: Window = _GUARD.failures.window
