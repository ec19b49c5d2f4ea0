"""What a mapping gives for one person, line by line, whether or not it is stored: each line is
compiled and evaluated by itself, so that a mistake in one hides nothing of the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tenure.applications.models import Account, Application
from tenure.core.expression_sets import targeted
from tenure.core.expressions import ExpressionError, MissingAttribute, compile_value
from tenure.core.mapping import IDENTIFYING, MappedAttribute
from tenure.core.model import Situation, Value
from tenure.core.veiling import reading_sensitive
from tenure.people.models import Person
from tenure.people.selectors import sensitive_attributes
from tenure.people.services import schema
from tenure.provisioning.questions.matching import rule_schema
from tenure.provisioning.records import veiling
from tenure.provisioning.records.loading import group_book


@dataclass(frozen=True, slots=True)
class Line:
    """One attribute of the account. `there` is what the person's account has now, None where they
    have none; `unread`: what it has was not asked for yet; `problem` says why there is no value."""

    attribute: str
    expression: str
    value: Value | None = None
    there: Value | None = None
    problem: str = ""
    unread: bool = False

    @property
    def differs(self) -> bool:
        return not self.problem and self.there is not None and self.value != self.there


def lines(
    application: Application, expressions: Mapping[str, str], person: Person | None
) -> list[Line]:
    """Attribute -> expression, as lines. Without a person they are only checked. What is computed
    from something sensitive is veiled, as in a plan."""
    kinds, sensitive, groups = rule_schema(), sensitive_attributes(), group_book(schema())
    attributes = groups.extend(person.attributes) if person else {}
    over = veiling.veil_over({application.slug: sensitive})
    stored = veiling.veil([application]).of(application.slug)
    held = _account(application, person)
    known = held.keys() | set(application.read_attributes or ())
    owner = str(person.uid) if person else ""
    found = []
    for attribute, text in expressions.items():
        there = held.get(attribute)
        hidden = attribute in stored
        try:
            compiled = compile_value(text, kinds)
            read = [MappedAttribute(attribute, compiled)]
            hidden = hidden or bool(reading_sensitive(read, sensitive, groups))
            if hidden:
                there = over.value(owner, attribute, there)
            value = targeted(attribute, compiled, attributes) if person else None
            if hidden:
                value = over.value(owner, attribute, value)
        except MissingAttribute as error:
            found.append(
                Line(
                    attribute,
                    text,
                    there=there,
                    problem=f"This person has no {error.name}. Give it in the source, or write "
                    f"has(user.{error.name}) ? … : ….",
                )
            )
            continue
        except ExpressionError as error:
            problem = "It gives no value: it reads a sensitive attribute." if hidden else str(error)
            found.append(Line(attribute, text, there=there, problem=problem))
            continue
        empty = person is not None and value is None and attribute in IDENTIFYING
        problem = "This is empty for this person: no account can be made." if empty else ""
        unread = bool(held) and attribute not in known
        found.append(Line(attribute, text, value, there, problem, unread))
    return found


def _account(application: Application, person: Person | None) -> Mapping[str, Value]:
    if person is None:
        return {}
    row = Account.objects.filter(
        application=application, person=person, situation=Situation.LINKED.value
    ).first()
    return row.attributes if row else {}
