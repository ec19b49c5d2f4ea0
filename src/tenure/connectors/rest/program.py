"""A specification, compiled: what the connector runs. Made by `compiling`, and nothing but data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tenure.connectors.rest.interface import Interface
from tenure.connectors.rest.paths import JsonPath
from tenure.connectors.rest.spec import Account, Entitlement, Spec
from tenure.connectors.rest.spec_requests import Paging, Request
from tenure.connectors.rest.templates import MISSING, Body, Text, evaluate
from tenure.core.expressions import Condition
from tenure.core.json_expressions import JsonExpression


@dataclass(frozen=True, slots=True)
class Pick:
    """Something in an answer: a place in its body, or an expression over all of it."""

    path: JsonPath | None = None
    expression: JsonExpression | None = None

    def of(self, reply: Mapping[str, Any]) -> Any:
        """`reply` has body, status, headers and cookies. None where there is nothing."""
        if self.expression is not None:
            value = evaluate(self.expression, reply)
            return None if value is MISSING else value
        return self.path.get(reply["body"]) if self.path is not None else None


@dataclass(frozen=True, slots=True)
class Field:
    """Something in an account: a place, or an expression over `item`."""

    path: JsonPath | None = None
    expression: JsonExpression | None = None

    def of(self, item: Any) -> Any:
        if self.expression is not None:
            value = evaluate(self.expression, {"item": item})
            return None if value is MISSING else value
        return self.path.get(item) if self.path is not None else None


@dataclass(frozen=True, slots=True)
class Rule:
    """An answer that means something of its own."""

    statuses: tuple[str, ...]
    when: Condition | None
    matches: re.Pattern[str] | None
    means: str
    message: str


@dataclass(frozen=True, slots=True)
class Pages:
    """How a listing is paged."""

    spec: Paging
    next: Pick
    more: Pick
    total: JsonPath | None


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `where` is its place in the specification; `names` all that its expressions
    use; `payload` how its body is sent (json, form, multipart, xml, rpc, or "" for none)."""

    spec: Request
    where: str
    method: str
    address: Text
    query: Body
    headers: Mapping[str, Text]
    payload: str
    body: Body | None
    writes: bool
    when: Condition | None
    each: JsonExpression | None
    rules: tuple[Rule, ...]
    pages: Pages | None
    items: JsonPath
    item: JsonPath | None
    id: Pick | None
    names: frozenset[str]

    def id_in(self, item: Any, usual: JsonPath) -> Any:
        """The id of one thing in a list."""
        path = self.id.path if self.id is not None and self.id.path is not None else usual
        return path.get(item)

    @property
    def single(self) -> bool:
        """Whether it speaks of one account, so that a 403 does too."""
        return any(name.partition(".")[0] in _ONE for name in self.names)


_ONE = frozenset({"id", "current", "whole", "entitlement", "member", "members", "value"})
Steps = tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class AttributeProgram:
    """One attribute of accounts, both ways."""

    name: str
    path: JsonPath | None
    read: JsonExpression | None
    write: JsonExpression | None
    written: bool
    empty: Any
    fixed: bool


@dataclass(frozen=True, slots=True)
class AccountProgram:
    """How accounts look."""

    spec: Account
    id: JsonPath
    attributes: Mapping[str, AttributeProgram]
    active_path: JsonPath | None
    active_when: JsonExpression | None
    ignore: Condition | None
    read_only: tuple[JsonPath, ...]


@dataclass(frozen=True, slots=True)
class EntitlementProgram:
    """One kind of entitlement."""

    spec: Entitlement
    id: JsonPath
    name: JsonPath
    list: Call | None
    members: Call | None
    member: JsonPath
    members_at: JsonPath | None
    add: Steps | None
    remove: Steps | None
    create: Steps | None
    delete: Steps | None
    field: Field | None
    change: Steps | None


@dataclass(frozen=True, slots=True)
class AuthProgram:
    """The texts of the way to sign in, by the names of its fields."""

    kind: str
    texts: Mapping[str, Text] = field(default_factory=dict)
    maps: Mapping[str, Mapping[str, Text]] = field(default_factory=dict)
    login: Call | None = None
    logout: Call | None = None
    keep: Mapping[str, Pick] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfaceProgram:
    """How an interface is spoken to, compiled. `certificate`: our own and its key, as PEM."""

    spec: Interface
    base_url: Text
    headers: Mapping[str, Text]
    auth: AuthProgram
    certificate: tuple[Text, Text] | None
    rpc_path: Text | None
    rpc_extra: Body | None
    rules: tuple[Rule, ...]
    messages: tuple[JsonPath, ...]
    code: JsonPath | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Program(InterfaceProgram):
    """All of it. `verbs` are by name: list, get, create ..., `find NAME`, `check NAME`."""

    spec: Spec
    account: AccountProgram
    verbs: Mapping[str, Steps]
    entitlements: Mapping[str, EntitlementProgram]

    def verb(self, name: str) -> Steps:
        """The requests of a verb; none where the application cannot do it."""
        return self.verbs.get(name, ())
