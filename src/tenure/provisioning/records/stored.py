"""Many stored operations at once, with what is told of those whom they concern; and which of them
may still be taken back."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Q, QuerySet

from tenure.applications.models import Application
from tenure.core.model import OPEN_STATES, OperationKind, OperationState
from tenure.infra.instances import read, read_related, relate
from tenure.provisioning.models import Operation

OPEN = sorted(state.value for state in OPEN_STATES)
#: Whether there is an account is not known as long as nobody knows what came of these.
MAKE_OR_END = frozenset({OperationKind.CREATE, OperationKind.DELETE})
#: Under way: what comes of these has to be known before anything else is planned for the pair. An
#: account that may have been made, or deleted, is looked for first; every other step can safely be
#: sent anew.
BUSY = Q(state=OperationState.STARTED.value) | Q(
    state=OperationState.UNKNOWN.value, kind__in=[kind.value for kind in MAKE_OR_END]
)
#: What another plan may take the place of.
REPLACED = (Q(state__in=OPEN) | Q(state=OperationState.FAILED.value)) & ~BUSY

_OF_PERSON = ("id", "uid", "employee_number", "display_name", "email", "generation")
_OF_ACCOUNT = ("id", "remote_id", "user_name")


def with_owners(
    rows: QuerySet[Operation], applications: Mapping[int, Application] | None = None
) -> list[Operation]:
    """These operations with their applications, and of people and accounts what is told of them.
    Very many operations have the same few applications, with long settings: who knows all of them,
    by id, hands them on."""
    found = read(rows)
    if applications is None:
        read_related(found, "application")
    else:
        for row in found:
            relate(row, "application", applications[row.application_id])
    read_related(found, "person", _OF_PERSON)
    read_related(found, "account", _OF_ACCOUNT)
    return found
