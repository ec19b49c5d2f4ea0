"""That somebody looked at sensitive values of a person: recorded, never the values themselves."""

from __future__ import annotations

from collections.abc import Iterable

from tenure.audit import services as audit
from tenure.audit.models import Action
from tenure.people.models import Person


def record(person: Person, names: Iterable[str], *, where: str, reason: str = "") -> None:
    """Whoever acts was shown these attributes of the person. `where`: on which page, by which
    command."""
    audit.record(
        Action.SENSITIVE_SEEN,
        subject_kind="person",
        subject_key=str(person.uid),
        subject_label=person.display_name,
        person=str(person.uid),
        reason=reason,
        after={"attributes": sorted(names), "where": where},
    )
