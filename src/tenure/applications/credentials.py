"""What is going to stop an application one day: credentials that die, are refused, or were granted
by somebody who leaves. Told weeks ahead."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from tenure.applications.authorizing import party
from tenure.applications.models import Application
from tenure.infra.clock import now
from tenure.people.credentials import Warned, dies, told_of
from tenure.vault.services import dying


def warnings() -> list[Warned]:
    """Everything to mend, what does not work now first: of applications, and of what was entered
    and is nobody's in particular."""
    today = now().date()
    parties = [
        (party(row), row.expires) for row in Application.objects.exclude(expires={}, oauth={})
    ]
    return told_of(parties, today, _in_the_box(today))


def _in_the_box(today: date) -> Iterator[Warned]:
    for secret in dying(today):
        left = secret.days_left(today) or 0
        yield Warned(
            f"The secret {secret.name} {dies(left)}",
            f"Make a new one, and enter it with `tenure secrets set {secret.name} --expires DATE`.",
            left < 0,
        )
