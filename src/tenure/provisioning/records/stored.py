"""Many stored operations at once, with what is told of those whom they concern. It knows nothing of
what is to become of them."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import QuerySet

from tenure.applications.models import Application
from tenure.infra.instances import read, read_related, relate
from tenure.provisioning.models import Operation

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
