"""What is going to stop an application one day: credentials that die, are refused, or were granted
by somebody who leaves. Told weeks ahead."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from tenure.applications.authorizing import party
from tenure.applications.models import Application
from tenure.infra.clock import now
from tenure.people.credentials import Warned, authorisations, dies, expiring
from tenure.vault import authorizing
from tenure.vault.authorizing import Standing
from tenure.vault.services import dying


def standing(application: Application) -> Standing | None:
    """How it is authorised; None where not by OAuth."""
    return authorizing.standing(party(application))


def warnings() -> list[Warned]:
    """Everything to mend, what does not work now first: of applications, and of what was entered
    and is nobody's in particular."""
    today = now().date()
    dated = [(party(row), row.expires) for row in Application.objects.exclude(expires={})]
    by_oauth = [party(row) for row in Application.objects.exclude(oauth={})]
    found = [*expiring(dated, today), *_in_the_box(today), *authorisations(by_oauth, today)]
    return sorted(found, key=lambda item: (not item.urgent, item.what))


def _in_the_box(today: date) -> Iterator[Warned]:
    for secret in dying(today):
        left = secret.days_left(today) or 0
        yield Warned(
            f"The secret {secret.name} {dies(left)}",
            f"Make a new one, and enter it with `tenure secrets set {secret.name} --expires DATE`.",
            left < 0,
        )
