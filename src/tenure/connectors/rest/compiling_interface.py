"""How an interface is spoken to becomes a program: every expression is compiled once, and what is
wrong is named by its place. Nothing is sent. What is done with the interface is compiled by those
who know it: accounts in `compiling`, people in the readers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from xml.sax.saxutils import escape

from tenure.connectors.rest import program as made
from tenure.connectors.rest.interface import Interface
from tenure.connectors.rest.paths import json_path
from tenure.connectors.rest.spec_auth import SessionAuth
from tenure.connectors.rest.spec_requests import ErrorRule, Paging, Request, steps
from tenure.connectors.rest.templates import Body, Text, compile_body, compile_text
from tenure.core.expressions import Condition, ExpressionError
from tenure.core.json_expressions import (
    JsonExpression,
    Names,
    compile_json,
    compile_json_condition,
)

Place = tuple[str | int, ...]
T = TypeVar("T")

FRESH = ("password", "uuid", "now")
_REPLY: Names = {"body": None, "status": None, "headers": None, "cookies": None}


@dataclass(frozen=True, slots=True)
class SpecProblem:
    """One thing that is wrong, and its place in the specification."""

    place: Place
    message: str

    def __str__(self) -> str:
        where = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in self.place)
        return f"{where.removeprefix('.')}: {self.message}" if where else self.message


class SpecError(ValueError):
    """The specification cannot be used. `problems` are all that is wrong."""

    def __init__(self, problems: Iterable[SpecProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(map(str, self.problems)))


@dataclass(slots=True)
class InterfaceCompiler:
    """Compiles what `spec` says, and keeps what is wrong with it in `problems`. `keys`: name -> the
    keys that it has, of names that some requests can use."""

    spec: Interface
    problems: list[SpecProblem] = field(default_factory=list)
    keys: dict[str, Iterable[str] | None] = field(
        default_factory=lambda: {"page": ("number", "offset", "size", "cursor")}
    )
    _signing_in: bool = False

    def interface(self) -> dict[str, Any]:
        """The fields of an `InterfaceProgram`."""
        spec = self.spec
        auth = self._auth()
        place: Place = ("errors",)
        return {
            "spec": spec,
            "base_url": self._text(spec.base_url, ("base_url",), self._names(session=False)),
            "headers": self._texts(spec.headers, ("headers",), self._names()),
            "auth": auth,
            "certificate": self._certificate(),
            "rpc_path": self._rpc_path(),
            "rpc_extra": self._body(spec.rpc.extra, ("rpc", "extra"), self._names())
            if spec.rpc and spec.rpc.extra
            else None,
            "rules": self._rules(spec.errors.rules, (*place, "rules")),
            "messages": tuple(json_path(one) for one in spec.errors.message),
            "code": json_path(spec.errors.code) if spec.errors.code else None,
        }

    def _certificate(self) -> tuple[Text, Text] | None:
        given = self.spec.certificate
        if given is None:
            return None
        place, names = ("certificate",), self._names(session=False)
        return (
            self._text(given.certificate, (*place, "certificate"), names),
            self._text(given.private_key, (*place, "private_key"), names),
        )

    # Names and small things.

    def _wrong(self, place: Place, message: str) -> None:
        self.problems.append(SpecProblem(place, message))

    def _names(self, *more: str, session: bool = True) -> dict[str, Iterable[str] | None]:
        names: dict[str, Iterable[str] | None] = {
            "settings": self.spec.settings.keys(),
            "secrets": self.spec.secrets.keys(),
            "fresh": FRESH,
        }
        if session and isinstance(self.spec.auth, SessionAuth) and not self._signing_in:
            names["session"] = self.spec.auth.keep.keys()
        for name in more:
            names[name] = self.keys.get(name)
        return names

    def _try(self, compile_it: Callable[[], T], place: Place) -> T | None:
        try:
            return compile_it()
        except ExpressionError as error:
            way = tuple(part for part in error.target.split(".") if part)
            self._wrong((*place, *way), f"{error}.")
            return None

    def _text(self, source: str, place: Place, names: Names) -> Text:
        found = self._try(lambda: compile_text(source, names), place)
        return found or Text((), frozenset())

    def _texts(self, given: Mapping[str, str], place: Place, names: Names) -> dict[str, Text]:
        return {key: self._text(text, (*place, key), names) for key, text in given.items()}

    def _body(self, source: Any, place: Place, names: Names, *, inline: bool = False) -> Body:
        found = self._try(lambda: compile_body(source, names, inline=inline), place)
        return found or Body(lambda given: None, frozenset())

    def _expression(self, source: str, place: Place, names: Names) -> JsonExpression | None:
        if not source:
            return None
        text = source.removeprefix("=")
        return self._try(lambda: compile_json(text, names), place)

    def _condition(self, source: str, place: Place, names: Names) -> Condition | None:
        if not source:
            return None
        text = source.removeprefix("=")
        return self._try(lambda: compile_json_condition(f"({text}) == true", names), place)

    def _reply(self, names: Names) -> Names:
        """What a new id can be made of: the answer, and what was sent."""
        return {**_REPLY, **{n: names[n] for n in ("account", "name") if n in names}}

    def _pick(self, source: str, place: Place, names: Names = _REPLY) -> made.Pick:
        if not source:
            return made.Pick()
        if source.startswith("="):
            return made.Pick(expression=self._expression(source, place, names))
        found = self._try_path(source, place)
        return made.Pick(path=found)

    def _try_path(self, source: str, place: Place) -> Any:
        try:
            return json_path(source)
        except ValueError as error:
            self._wrong(place, str(error))
            return None

    def _rpc_path(self) -> Text | None:
        if self.spec.rpc is None:
            return None
        return self._text(self.spec.rpc.path, ("rpc", "path"), self._names(session=False))

    # Requests.

    def _steps(
        self, given: Request | list[Request], place: Place, names: Iterable[str], *, reads: bool
    ) -> made.Steps:
        several = isinstance(given, list)
        more = [*names, "steps"] if several else [*names]
        return tuple(
            self._call(one, (*place, index) if several else place, more, reads=reads)
            for index, one in enumerate(steps(given))
        )

    def _call(self, one: Request, place: Place, more: Iterable[str], *, reads: bool) -> made.Call:
        outer = self._names(*more)
        names = {**outer, "one": None} if one.each else outer
        address, payload = self._address(one, place, names)
        query = self._body(one.query, (*place, "query"), names, inline=True)
        headers = self._texts(one.headers, (*place, "headers"), names)
        kind = next((k for k in ("form", "multipart", "xml") if getattr(one, k)), "")
        body = self._sent(one, kind, place, names)
        each = self._expression(one.each, (*place, "each"), outer)
        when = self._condition(one.when, (*place, "when"), names)
        used = [address.names, query.names, *(text.names for text in headers.values())]
        used += [body.names] if body else []
        used += [each.names] if each else []
        used += [when.attributes] if when else []
        if one.paging and "page" not in names:
            self._wrong((*place, "paging"), "Only what lists something is paged. Take this out.")
        return made.Call(
            spec=one,
            where=_dotted(place),
            method="POST" if one.method == "RPC" else one.method,
            address=address,
            query=query,
            headers=headers,
            payload=payload or kind or ("json" if body else ""),
            body=body,
            writes=not reads and one.method != "GET" if one.changes is None else one.changes,
            when=when,
            each=each,
            rules=self._rules(one.errors, (*place, "errors")),
            pages=self._pages(one.paging, (*place, "paging")) if one.paging else None,
            items=json_path(one.items),
            item=json_path(one.item) if one.item else None,
            id=self._pick(one.id, (*place, "id"), self._reply(names)) if one.id else None,
            names=frozenset[str]().union(*used),
        )

    def _sent(self, one: Request, kind: str, place: Place, names: Names) -> Body | None:
        """What goes with a request."""
        if kind == "xml":
            return self._xml(one.xml, (*place, "xml"), names)
        if not kind and "body" not in one.model_fields_set:
            return None
        source = getattr(one, kind) if kind else one.body
        return self._body(source, (*place, kind or "body"), names, inline=bool(kind))

    def _xml(self, source: str, place: Place, names: Names) -> Body:
        """With the envelope around it, whose own expressions are like all others."""
        before, _, after = self.spec.envelope.partition("{xml}")
        texts = [
            self._text(before, ("envelope",), names),
            self._text(source, place, names),
            self._text(after, ("envelope",), names),
        ]
        return Body(
            lambda given: "".join(text.escaped(given, escape) for text in texts),
            frozenset[str]().union(*(text.names for text in texts)),
        )

    def _address(self, one: Request, place: Place, names: Names) -> tuple[Text, str]:
        place = (*place, "request")
        if one.method == "RPC":
            if self.spec.rpc is None:
                self._wrong(place, "RPC needs `rpc:` at the top, with the path of the interface.")
            return self._text(one.path, place, names), "rpc"
        if one.path.startswith("http"):
            host = re.match(r"https?://[^/?]*", one.path)
            used = self._text(host[0] if host else "", place, names).names
            if any(not name.startswith("settings.") for name in used):
                self._wrong(place, "The host may be made of settings only, never of data.")
        return self._text(one.path, place, names), ""

    def _pages(self, one: Paging, place: Place) -> made.Pages:
        return made.Pages(
            spec=one,
            next=self._pick(one.next, (*place, "next")),
            more=self._pick(one.more, (*place, "more")),
            total=json_path(one.total) if one.total else None,
        )

    def _rules(self, rules: list[ErrorRule], place: Place) -> tuple[made.Rule, ...]:
        return tuple(
            made.Rule(
                statuses=tuple(rule.status),
                when=self._condition(rule.when, (*place, index, "when"), _REPLY),
                matches=re.compile(rule.matches, re.IGNORECASE) if rule.matches else None,
                means=rule.means,
                message=rule.message,
            )
            for index, rule in enumerate(rules)
        )

    # Signing in.

    def _auth(self) -> made.AuthProgram:
        auth = self.spec.auth
        place: Place = ("auth",)
        if isinstance(auth, SessionAuth):
            return self._session(auth)
        names = self._names(session=False)
        texts: dict[str, Text] = {}
        maps: dict[str, Mapping[str, Text]] = {}
        for name in type(auth).model_fields:
            value = getattr(auth, name)
            if isinstance(value, str) and name != "kind":
                texts[name] = self._text(value, (*place, name), names)
            elif isinstance(value, dict):
                maps[name] = self._texts(value, (*place, name), names)
        return made.AuthProgram(auth.kind, texts, maps)

    def _session(self, auth: SessionAuth) -> made.AuthProgram:
        place: Place = ("auth",)
        self._signing_in = True
        login = self._call(auth.login, (*place, "login"), (), reads=True)
        self._signing_in = False
        names = self._names()
        return made.AuthProgram(
            auth.kind,
            maps={
                "headers": self._texts(auth.headers, (*place, "headers"), names),
                "query": self._texts(auth.query, (*place, "query"), names),
            },
            login=login,
            logout=self._call(auth.logout, (*place, "logout"), (), reads=True)
            if auth.logout
            else None,
            keep={n: self._pick(text, (*place, "keep", n)) for n, text in auth.keep.items()},
        )


def _dotted(place: Place) -> str:
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in place).removeprefix(".")
