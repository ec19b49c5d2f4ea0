"""A person's attributes to the attributes of an account.

Each mapped attribute is one expression. A missing attribute is an error that names it, never an
empty value in an application: `has(user.x) ? user.x : ""` says that empty is meant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tenure.core.access import Access
from tenure.core.expressions import ExpressionError, MissingAttribute, ValueExpression, ValueSet
from tenure.core.model import Attributes, Desired, Value

#: Attributes that identify an account: none of these may come out empty.
IDENTIFYING = frozenset({"userName", "login", "email"})
#: Attributes by which somebody signs in there.
LOGINS = frozenset({"userName", "login"})


class MappingProblem(ValueError):
    """The mapping gives no account for this person. `attribute` is the target; str() says why."""

    def __init__(self, attribute: str, message: str) -> None:
        super().__init__(message)
        self.attribute = attribute


@dataclass(frozen=True, slots=True)
class MappedAttribute:
    """`on_create`: written when the account is made, then left to the application."""

    name: str
    expression: ValueExpression
    on_create: bool = False


class AccountMapping:
    """The mapping of one application, compiled once."""

    def __init__(self, application: str, attributes: Sequence[MappedAttribute]) -> None:
        self.application = application
        self.names = frozenset(attribute.name for attribute in attributes)
        self.on_create = frozenset(a.name for a in attributes if a.on_create)
        self._values = ValueSet({a.name: a.expression for a in attributes})

    def values(self, attributes: Attributes) -> dict[str, Value | None]:
        """The account's attributes. Raises `MappingProblem`."""
        try:
            found: Mapping[str, Value] = self._values.values(attributes)
        except MissingAttribute as error:
            raise MappingProblem(
                error.target,
                f"{error.target} needs the attribute {error.name!r}, which this person does not "
                f"have. Give it in the source, or write has(user.{error.name}) ? ... : ... in "
                "the mapping.",
            ) from error
        except ExpressionError as error:
            raise MappingProblem(error.target, f"{error.target}: {error}") from error
        for name in sorted(IDENTIFYING & self.names):
            if name not in found:
                raise MappingProblem(
                    name,
                    f"{name} came out empty for this person: an account cannot be made without "
                    "it. Correct the mapping, or the attributes that it reads.",
                )
        return {name: found.get(name) for name in self.names}

    def desired(self, attributes: Attributes, access: Access, *, active: bool) -> Desired:
        """The account that this person should have. Raises `MappingProblem`."""
        return Desired(
            application=self.application,
            attributes=self.values(attributes),
            active=active,
            on_create=self.on_create,
            entitlements=access.entitlements,
            because=access.because,
        )
