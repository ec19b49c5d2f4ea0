"""Whose access waits for a plan that nobody has applied yet. Where plans are reviewed, a rule that
was changed by mistake must not sign out a whole company before anybody has seen what comes of it:
guards, which hold that otherwise, judge what is stored, and nothing is stored before `apply`."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from tenure.applications.models import Application
from tenure.core.model import ApplicationMode, OperationKind, OperationState, RemovalAction
from tenure.people.models import Person, PlanMode
from tenure.people.services import company
from tenure.provisioning.models import Operation, Remark
from tenure.provisioning.records.work import CLOSES
from tenure.rules.exceptions import gave_until

_MAKES: Final = (OperationKind.CREATE.value, OperationKind.ENABLE.value)
_NEVER_SENT: Final = (
    OperationState.CANCELLED.value,
    OperationState.HELD.value,
    OperationState.REJECTED.value,
)


class NotLookedAt:
    """The company's way of planning, asked for once."""

    def __init__(self, at: datetime) -> None:
        self._at = at
        self._reviewed = company().plan_mode == PlanMode.REVIEW

    def covers(self, person: Person, application: Application, *, came_in: bool) -> bool:
        """Whether the open account that this person has there stays until a plan is applied, and
        no plan before has taken it, or left it though it was not due. `came_in`: they have been
        let in before. Of an account that we found there and nobody came in to, nobody has ever
        said that it is due."""
        if (
            not self._reviewed
            or person.planned_generation >= person.generation
            or application.mode != ApplicationMode.LIVE.value
            or application.removal == RemovalAction.KEEP.value
            or Remark.objects.filter(person=person, application=application).exists()
        ):
            return False
        last = (
            Operation.objects.filter(
                person=person, application=application, kind__in=_MAKES + CLOSES
            )
            .exclude(state__in=_NEVER_SENT)
            .order_by("-id")
            .first()
        )
        if last is None and not came_in:
            return False
        if last is not None and last.kind in CLOSES:
            # Whoever opens the account again there does not open the way to it.
            return False
        # That it ends was decided by whoever gave it.
        ended = gave_until(person, application.slug, self._at)
        return ended is None or (last is not None and ended <= last.created_at)
