"""What an edit changes in accounts, as pages show it before it is saved. Reads only."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from tenure.applications.models import Application
from tenure.console import plan_view
from tenure.people import selectors as people
from tenure.provisioning.questions.edit_effects import EditEffect

#: An effect on more people than this is worked out once the page stands.
AT_ONCE: Final = 3_000
_SHOWN_LINES: Final = 8


def described(found: EditEffect, *, of: str) -> dict[str, Any]:
    """The effect of an edit of a "rule", a "group" or a "mapping"."""
    by_slug = {row.slug: row for row in Application.objects.filter(slug__in=found.shifts)}
    context: dict[str, Any] = {
        "effect": found,
        "of": of,
        "shifts": [(by_slug.get(slug), slug, shift) for slug, shift in found.shifts.items()],
    }
    if found.plan is not None:
        plan = replace(found.plan.plan, lines=found.plan.added)
        context["groups"] = plan_view.groups(plan, most=_SHOWN_LINES)
        told = [line.person_id for line in found.plan.added]
        told += [problem.person_id for problem in found.unplanned]
        context["uids"] = people.uids(pk for pk in told if pk)
        context["dropped"] = len(found.plan.dropped)
        context["colours"] = by_slug
    return context
