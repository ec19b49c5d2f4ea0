"""What the pages of an access rule show: the rows of its condition, whom it meets, what an edit of
it changes, and what can be given. Reads only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from tenure.applications import selectors as applications
from tenure.applications.models import Application, Entitlement
from tenure.configuration.translation import rule_definition
from tenure.console import rule_form
from tenure.console.edit_effect import described
from tenure.console.rule_form import RuleForm
from tenure.console.views.rules import in_words, values_of
from tenure.core.expressions import ExpressionError, compile_condition
from tenure.core.plain_conditions import relations, relations_of
from tenure.people import selectors as people
from tenure.provisioning.questions import matching
from tenure.provisioning.questions.rule_effects import effect_of_rule


@dataclass(frozen=True, slots=True)
class Choice:
    """An application that a rule can give, with what can be given in it."""

    application: Application
    keys: list[str]
    on: bool
    held: list[str]
    lost: list[str]


def rows(form: RuleForm) -> dict[str, Any]:
    """The rows of its condition, and what can be chosen in them."""
    schema = matching.rule_schema()
    labels, _ = people.attribute_labels()
    labels = {**labels, "groups": "Groups"}
    shown = form.shown_rows(schema)
    return {
        "form": form,
        "rows": [
            (row, values_of(row.attribute)[:60] if row.takes != "none" else []) for row in shown
        ],
        "attributes": sorted(
            ((name, labels.get(name, name)) for name in schema), key=lambda item: item[1].lower()
        ),
        "relations": dict(relations()),
        "offered": {kind.value: relations_of(kind) for kind in set(schema.values())},
        "most": rule_form.MOST_ROWS,
    }


def checked(form: RuleForm) -> dict[str, Any]:
    """The condition: what is wrong with it, or whom it meets."""
    schema = matching.rule_schema()
    trial = replace(form, errors={}, row_errors={})
    when = trial.condition(schema)
    if not when:
        said = trial.errors.get("when", "")
        return {"problem": said, "when": "", "incomplete": True}
    try:
        ids = matching.who_meets(compile_condition(when, schema))
    except ExpressionError as error:
        return {"problem": error.message, "expression_error": error, "when": when}
    return {
        "when": when,
        "matches": len(ids),
        "first": matching.first_of(ids, limit=6),
        "total": people.count_here(),
        "words": in_words(when, schema, people.attribute_labels()[0]),
        "as_text": form.as_text,
    }


def effect_of_form(slug: str, form: RuleForm) -> dict[str, Any]:
    """What publishing the rule as the form has it would change."""
    rule = replace(form, errors={}, row_errors={}).rule(matching.rule_schema())
    if rule is None:
        return {"failure": "The form is not whole: go back and complete it."}
    try:
        return described(effect_of_rule(slug, rule_definition(slug, rule)), of="rule")
    except ExpressionError as error:
        return {"failure": str(error)}


def choices(form: RuleForm) -> list[Choice]:
    """Every application, those that the rule gives first."""
    keys: dict[int, list[str]] = {}
    for item in Entitlement.objects.filter(managed=True).order_by("key", "pk"):
        keys.setdefault(item.application_id, []).append(item.key)
    found = []
    for row in (item.application for item in applications.applications()):
        held = form.gives.get(row.slug, [])
        known = keys.get(row.pk, [])
        lost = [key for key in held if key not in known]
        found.append(Choice(row, [*known, *lost], row.slug in form.gives, held, lost))
    return sorted(found, key=lambda choice: not choice.on)
