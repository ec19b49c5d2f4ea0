"""For whom nothing can be decided in an application that is written to: a mapping that fails for
them, an application that comes first and that they do not get. They have no account, or one that is
not as it should be, until somebody puts that right."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Max

from tenure.core.model import ApplicationMode
from tenure.provisioning.models import Remark

#: So many are named.
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Undecided:
    """Those of one application. `first`: some of them, by name; `why`: what is in the way of the
    first; `latest`: grows when it is somebody else, or for another reason."""

    application: str
    name: str
    count: int
    first: tuple[str, ...]
    why: str
    latest: int

    @property
    def who(self) -> str:
        """`Anna Nagy, Ben Kiss and 12 more`."""
        more = self.count - len(self.first)
        return ", ".join(self.first) + (f" and {more:,} more" if more else "")


def undecided() -> list[Undecided]:
    """One for each application, by its name."""
    rows = Remark.objects.filter(notice=False, application__mode=ApplicationMode.LIVE.value)
    counted = (
        rows.order_by("application__name", "application__slug")
        .values_list("application", "application__slug", "application__name")
        .annotate(Count("person", distinct=True), Max("pk"))
    )
    found = []
    for key, slug, name, count, latest in counted:
        # Of one person several things may be in the way.
        some = rows.filter(application=key).select_related("person").order_by("pk")[: 2 * _NAMED]
        names = {row.person_id: row.person.display_name for row in some}
        first = tuple(names.values())[:_NAMED]
        found.append(Undecided(slug, name, count, first, some[0].message, latest))
    return found
