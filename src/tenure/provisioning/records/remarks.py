"""What plans leave as it is, or cannot decide, kept for as long as it is so: somebody is planned
only when something changes, and what stands in their way does not end with that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from tenure.applications.models import Application
from tenure.infra.bulk import one_of
from tenure.people.services import raise_generation
from tenure.provisioning.models import Remark
from tenure.provisioning.records.plan import ProblemLine


def keep(
    people: Collection[int],
    problems: Iterable[ProblemLine],
    applications: Mapping[str, int],
    only: str | None,
) -> None:
    """These are the problems of these people now, `only` of one application or of all. In the
    caller's transaction."""
    wanted = {
        (line.person_id, applications[line.application], line.message, line.notice)
        for line in problems
        if line.person_id is not None and line.application in applications
    }
    rows = Remark.objects.filter(one_of("person_id", people))
    if only is not None:
        rows = rows.filter(application=applications[only])
    there = {
        (person, application, message, notice): pk
        for pk, person, application, message, notice in rows.values_list(
            "pk", "person", "application", "message", "notice"
        )
    }
    if over := [pk for key, pk in there.items() if key not in wanted]:
        Remark.objects.filter(one_of("pk", over)).delete()
    new = sorted(wanted - there.keys(), key=str)
    Remark.objects.bulk_create(
        [
            Remark(person_id=person, application_id=application, message=message, notice=notice)
            for person, application, message, notice in new
        ],
        batch_size=2000,
    )


def forget(application: Application) -> None:
    """What was said may tell what is called sensitive now: these people are planned anew."""
    rows = Remark.objects.filter(application=application)
    raise_generation(list(rows.values_list("person_id", flat=True).distinct()))
    rows.delete()


def standing(but: Collection[int], application: str | None) -> list[ProblemLine]:
    """Those of everybody but these people, in the order of their names."""
    rows = Remark.objects.exclude(one_of("person_id", but))
    if application is not None:
        rows = rows.filter(application__slug=application)
    found = rows.order_by("notice", "person__display_name", "application__slug", "pk").values_list(
        *("application__slug", "person", "person__employee_number", "person__uid"),
        *("person__display_name", "message", "notice"),
    )
    return [
        ProblemLine(
            application=slug,
            person=number or str(uid),
            person_name=name,
            message=message,
            notice=notice,
            person_id=person,
        )
        for slug, person, number, uid, name, message, notice in found
    ]
