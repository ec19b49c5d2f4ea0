"""Many stored operations at once, with what is told of those whom they concern. It knows nothing of
what is to become of them."""

from __future__ import annotations

from django.db.models import QuerySet

from tenure.infra.instances import read, read_related
from tenure.provisioning.models import Operation

_OF_PERSON = ("id", "uid", "employee_number", "display_name", "email", "generation")
_OF_ACCOUNT = ("id", "remote_id", "user_name")


def with_owners(rows: QuerySet[Operation]) -> list[Operation]:
    """These operations with their applications, and of people and accounts what is told of them.
    Very many operations have the same few applications, with long settings."""
    found = read(rows)
    read_related(found, "application")
    read_related(found, "person", _OF_PERSON)
    read_related(found, "account", _OF_ACCOUNT)
    return found
