"""Taking back what was said about a rehire: only while nothing was done in any application."""

from __future__ import annotations

from django.db import transaction

from tenure.applications.models import Account
from tenure.core.model import OperationState
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.provisioning.models import Operation
from tenure.sources import answering
from tenure.sources.answering import AnswerRefused
from tenure.sources.models import Answer, RehireQuestion

#: Nothing was sent, and nothing will be once these are gone.
_UNSENT = [
    OperationState.PLANNED.value,
    OperationState.HELD.value,
    OperationState.CANCELLED.value,
    OperationState.REJECTED.value,
]


@transaction.atomic
def take_back(question: RehireQuestion, *, reason: str = "") -> Person | None:
    """The question is asked again. Returns who is as they were before, None where the person who
    was made is gone. Raises `AnswerRefused` where anything followed from the answer."""
    person = question.person
    if person is not None and question.answered_at is not None:
        since = Operation.objects.select_for_update().filter(
            person=person, created_at__gte=question.answered_at
        )
        sent = [row for row in since if row.state not in _UNSENT or row.started_at is not None]
        if sent or (question.answer == Answer.OTHER and person.accounts.exists()):
            raise AnswerRefused(_done(person, sent))
        if question.answer == Answer.OTHER:
            since.delete()
    return answering.take_back(question=question, reason=reason, now=now())


def _done(person: Person, sent: list[Operation]) -> str:
    names = sorted(
        {row.application.name for row in sent}
        | set(Account.objects.filter(person=person).values_list("application__name", flat=True))
    )
    return (
        f"Accounts of {person.display_name} were made or changed since ({', '.join(names)}): it "
        "cannot be taken back any more. Correct the employee number in the source, and let the one "
        "who is not there leave."
    )
