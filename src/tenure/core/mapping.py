"""A person's attributes to the attributes of an account.

Each mapped attribute is one expression. A missing attribute is an error that names it, never an
empty value in an application: `has(user.x) ? user.x : ""` says that empty is meant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from tenure.core.access import Access
from tenure.core.expression_sets import ValueSet, targeted
from tenure.core.expressions import ExpressionError, MissingAttribute, ValueExpression
from tenure.core.model import Attributes, Desired, Value

#: Attributes that identify an account: none of these may come out empty.
IDENTIFYING = frozenset({"userName", "login", "email"})
#: Attributes by which somebody signs in there.
LOGINS = frozenset({"userName", "login"})


class MappingProblem(ValueError):
    """The mapping gives no account for this person. `attribute` is the target; str() says why,
    `discreet` the same without any value that the expression met."""

    def __init__(self, attribute: str, message: str, discreet: str = "") -> None:
        super().__init__(message)
        self.attribute = attribute
        self.discreet = discreet or message

    def said(self, sensitive: AbstractSet[str]) -> str:
        """Why, where the attributes in `sensitive` tell no values."""
        return self.discreet if self.attribute in sensitive else str(self)


@dataclass(frozen=True, slots=True)
class MappedAttribute:
    """`on_create`: written when the account is made, then left to the application."""

    name: str
    expression: ValueExpression
    on_create: bool = False


#: Expression, as it is written -> what it gives for one person.
Shared: TypeAlias = Mapping[str, Value | None]
_NOTHING: Shared = MappingProxyType({})


class AccountMapping:
    """The mapping of one application, compiled once. What is in `shared` is not evaluated here
    where it is given."""

    def __init__(
        self,
        application: str,
        attributes: Sequence[MappedAttribute],
        shared: AbstractSet[str] = frozenset(),
    ) -> None:
        self.application = application
        self.attributes = tuple(attributes)
        self.names = frozenset(attribute.name for attribute in attributes)
        self.on_create = frozenset(a.name for a in attributes if a.on_create)
        self._expressions = {a.name: (a.expression, a.expression.source) for a in attributes}
        self._identifying = sorted(IDENTIFYING & self.names)
        self._own = ValueSet(
            {a.name: a.expression for a in attributes if a.expression.source not in shared}
        )

    def values(self, attributes: Attributes, shared: Shared = _NOTHING) -> dict[str, Value | None]:
        """The account's attributes. Raises `MappingProblem`."""
        try:
            found = self._evaluated(attributes, shared)
        except MissingAttribute as error:
            raise MappingProblem(
                error.target,
                f"{error.target} needs the attribute {error.name!r}, which this person does not "
                f"have. Give it in the source, or write has(user.{error.name}) ? ... : ... in "
                "the mapping.",
            ) from error
        except ExpressionError as error:
            raise MappingProblem(
                error.target,
                f"{error.target}: {error}",
                f"{error.target} reads a sensitive attribute, and its expression gives no value "
                f"for this person (in `{error.expression}`). Correct the mapping, or the attribute "
                "in the source.",
            ) from error
        for name in self._identifying:
            if found[name] is None:
                raise MappingProblem(
                    name,
                    f"{name} came out empty for this person: an account cannot be made without "
                    "it. Correct the mapping, or the attributes that it reads.",
                )
        return found

    def _evaluated(self, attributes: Attributes, shared: Shared) -> dict[str, Value | None]:
        own = self._own.known(attributes)
        found: dict[str, Value | None] = {}
        for name, (expression, source) in self._expressions.items():
            if source in shared:
                found[name] = shared[source]
            elif name in own:
                found[name] = own[name]
            else:
                found[name] = targeted(name, expression, attributes)
        return found

    def desired(
        self, attributes: Attributes, access: Access, *, active: bool, shared: Shared = _NOTHING
    ) -> Desired:
        """The account that this person should have. Raises `MappingProblem`."""
        return Desired(
            application=self.application,
            attributes=self.values(attributes, shared),
            active=active,
            on_create=self.on_create,
            entitlements=access.entitlements,
            because=access.because,
        )


class MappingBook:
    """The mappings of all applications together. Most of them say the same of a person (the
    e-mail, the names): an expression that several have is evaluated once for each person."""

    def __init__(self, mappings: Mapping[str, AccountMapping]) -> None:
        by_source = {a.expression.source: a.expression for a in _every(mappings)}
        times = Counter(a.expression.source for a in _every(mappings))
        shared = {source: by_source[source] for source, count in times.items() if count > 1}
        self._shared = ValueSet(shared)
        self._mappings = {
            slug: AccountMapping(mapping.application, mapping.attributes, shared.keys())
            for slug, mapping in mappings.items()
        }

    def __contains__(self, application: str) -> bool:
        return application in self._mappings

    def of(self, attributes: Attributes) -> PersonMapper:
        """The mappings for one person."""
        return PersonMapper(self._mappings, self._shared, attributes)


class PersonMapper:
    """The mappings for one person; what they share is evaluated when the first is asked."""

    def __init__(
        self, mappings: Mapping[str, AccountMapping], shared: ValueSet, attributes: Attributes
    ) -> None:
        self._mappings = mappings
        self._values = shared
        self._attributes = attributes
        self._shared: Shared | None = None

    def desired(self, access: Access, *, active: bool) -> Desired:
        """The account that this person should have. Raises `MappingProblem`."""
        if self._shared is None:
            self._shared = self._values.known(self._attributes)
        mapping = self._mappings[access.application]
        return mapping.desired(self._attributes, access, active=active, shared=self._shared)


def _every(mappings: Mapping[str, AccountMapping]) -> list[MappedAttribute]:
    return [attribute for mapping in mappings.values() for attribute in mapping.attributes]
