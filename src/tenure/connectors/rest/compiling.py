"""A specification of an application becomes a program. Nothing is sent, and nothing is known of an
application but its specification.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

from tenure.connectors.rest import program as made
from tenure.connectors.rest.compiling_interface import (
    InterfaceCompiler,
    Place,
    SpecError,
    SpecProblem,
)
from tenure.connectors.rest.paths import json_path
from tenure.connectors.rest.spec import Account, Entitlement, Spec
from tenure.connectors.rest.spec_requests import Request
from tenure.core.json_expressions import Names

__all__ = ["CANNOT", "Place", "SpecError", "SpecProblem", "compiled"]

#: Verb -> what its requests can use beside settings, secrets, session and fresh.
_VERBS: Mapping[str, tuple[str, ...]] = {
    "list": ("page",),
    "get": ("id",),
    "create": ("account", "attributes", "changes", "external_id", "active"),
    "update": ("id", "current", "account", "attributes", "changes", "changed", "whole"),
    "disable": ("id", "current", "whole"),
    "enable": ("id", "current", "whole"),
    "delete": ("id", "current"),
    "end_sessions": ("id", "current"),
    "own_account": (),
}
#: Verbs for which `cannot` may hold instructions.
CANNOT = ("create", "update", "disable", "enable", "delete", "group", "role", "licence")


def compiled(spec: Spec) -> made.Program:
    """Raises `SpecError` with everything that is wrong."""
    compiler = _Compiler(spec)
    compiler.keys |= {"account": spec.account.attributes.keys(), "entitlement": ("id",)}
    program = compiler.program()
    if compiler.problems:
        raise SpecError(compiler.problems)
    return program


@dataclass(slots=True)
class _Compiler(InterfaceCompiler):
    spec: Spec

    def program(self) -> made.Program:
        """Whatever is wrong is in `problems` afterwards."""
        return made.Program(
            **self.interface(),
            account=self._account(self.spec.account),
            verbs=self._verbs(),
            entitlements={
                kind: self._entitlement(kind, one) for kind, one in self.spec.entitlements.items()
            },
        )

    def _verbs(self) -> dict[str, made.Steps]:
        requests = self.spec.requests
        verbs: dict[str, made.Steps] = {}
        for verb, names in _VERBS.items():
            given: Request | list[Request] | None = getattr(requests, verb)
            if given is not None:
                reads = verb in {"list", "get", "own_account"}
                verbs[verb] = self._steps(given, ("requests", verb), names, reads=reads)
        for name, search in requests.find.items():
            place: Place = ("requests", "find", name)
            if name not in self.spec.account.attributes:
                self._wrong(place, self._no_attribute(name))
            verbs[f"find {name}"] = self._steps(search, place, ("value", "page"), reads=True)
        for name, request in requests.check.items():
            place = ("requests", "check", name)
            verbs[f"check {name}"] = self._steps(request, place, (), reads=True)
        for name in self.spec.cannot.keys() - set(CANNOT):
            self._wrong(
                ("cannot", name),
                f"There is no verb {name!r}. Expected one of {', '.join(CANNOT)}.",
            )
        return verbs

    def _no_attribute(self, name: str) -> str:
        known = list(self.spec.account.attributes)
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"Did you mean {close[0]}?" if close else f"Known: {', '.join(known)}."
        return f"Accounts have no attribute {name!r}. {hint}"

    # Accounts and entitlements.

    def _account(self, account: Account) -> made.AccountProgram:
        attributes: dict[str, made.AttributeProgram] = {}
        whole: Names = {"item": None, "settings": self.spec.settings.keys()}
        seen: Names = {**whole, "value": None}
        for name, one in account.attributes.items():
            place: Place = ("account", "attributes", name)
            write = one.write if isinstance(one.write, str) else ""
            writable = one.write is not False and bool(one.path)
            if writable and not json_path(one.path).steps:
                self._wrong(place, "The thing itself (.) cannot be written. Say `write: false`.")
            attributes[name] = made.AttributeProgram(
                name=name,
                path=json_path(one.path) if one.path else None,
                read=self._expression(one.read, (*place, "read"), seen),
                write=self._expression(
                    write,
                    (*place, "write"),
                    {
                        "value": None,
                        "account": account.attributes.keys(),
                        "settings": self.spec.settings.keys(),
                    },
                ),
                written=writable,
                empty=one.empty if "empty" in one.model_fields_set else account.empty,
                fixed=one.fixed,
            )
        active = account.active
        return made.AccountProgram(
            spec=account,
            id=json_path(account.id),
            attributes=attributes,
            active_path=json_path(active.path) if active and active.path else None,
            active_when=self._expression(
                active.when if active else "", ("account", "active", "when"), whole
            ),
            ignore=self._condition(account.ignore, ("account", "ignore"), whole),
            read_only=tuple(json_path(one) for one in account.read_only),
        )

    def _entitlement(self, kind: str, one: Entitlement) -> made.EntitlementProgram:
        place: Place = ("entitlements", kind)
        of = "members" if one.chunk else "member"

        def several(name: str, *names: str) -> made.Steps | None:
            given: Request | list[Request] | None = getattr(one, name)
            if given is None:
                return None
            return self._steps(given, (*place, name), names, reads=False)

        def listing(name: str, *names: str) -> made.Call | None:
            given: Request | None = getattr(one, name)
            if given is None:
                return None
            return self._call(given, (*place, name), names, reads=True)

        return made.EntitlementProgram(
            spec=one,
            id=json_path(one.id),
            name=json_path(one.name),
            list=listing("list", "page"),
            members=listing("members", "page", "entitlement"),
            member=json_path(one.member),
            members_at=json_path(one.members_at) if one.members_at else None,
            add=several("add", "entitlement", of),
            remove=several("remove", "entitlement", of),
            create=several("create", "name"),
            delete=several("delete", "entitlement"),
            field=self._field(one.field, (*place, "field")),
            change=several("change", "id", "current", "whole", "values", "value", "entitlement"),
        )

    def _field(self, source: str, place: Place) -> made.Field | None:
        if not source:
            return None
        if source.startswith("="):
            return made.Field(expression=self._expression(source, place, {"item": None}))
        return made.Field(path=self._try_path(source, place))
