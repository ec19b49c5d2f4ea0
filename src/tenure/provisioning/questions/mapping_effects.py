"""What an edit of an application's mapping would change in the accounts that are there, before it
is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tenure.applications.models import Account, Application
from tenure.core.model import Situation
from tenure.provisioning.questions.edit_effects import EditEffect, effect_of


def effect_of_mapping(slug: str, lines: Sequence[Mapping[str, str]]) -> EditEffect:
    """What this mapping (`attribute`, `expression`, `when`, as an application has it) would change
    for whoever has an account there. Raises `ExpressionError`."""
    rows = Account.objects.filter(application__slug=slug, situation=Situation.LINKED.value)
    owners = {pk for pk in rows.values_list("person_id", flat=True) if pk is not None}

    def edit() -> None:
        Application.objects.filter(slug=slug).update(mapping=[dict(line) for line in lines])

    here = len(owners)
    return effect_of(edit, owners, met=here, meets=here, mapped=lambda _: {slug})
