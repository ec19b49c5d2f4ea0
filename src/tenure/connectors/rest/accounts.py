"""Flat attributes to an application's own account, and back. It must not know requests."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Mapping
from hashlib import blake2b
from typing import Any

import orjson

from tenure.connectors.answers import HttpRejected
from tenure.connectors.base import Rejected, RemoteAccount, StopApplication
from tenure.connectors.rest.program import AccountProgram, AttributeProgram
from tenure.connectors.rest.templates import MISSING, as_text, evaluate
from tenure.core.model import Value


class Accounts:
    """Reads and writes accounts as one application has them. `names` are the attributes that are
    wanted; None: every one."""

    def __init__(
        self,
        program: AccountProgram,
        settings: Mapping[str, Any],
        names: Collection[str] | None = None,
    ) -> None:
        self._program = program
        self._settings = settings
        self._wanted = [
            one for name, one in program.attributes.items() if names is None or name in names
        ]

    def identifier(self, item: Any, where: str) -> str:
        """Raises `StopApplication` for an account without one: they could not be told apart."""
        found = self._program.id.get(item)
        if found in (None, "") or isinstance(found, dict | list):
            raise StopApplication(
                f"{where} shows an account without an id at {self._program.id}: accounts cannot be "
                "told apart. Correct account.id in the specification."
            )
        return as_text(found)

    def is_one(self, item: Any) -> bool:
        """Whether it is an account, and not what the specification leaves out."""
        ignore = self._program.ignore
        return ignore is None or not ignore.holds({"item": item, "settings": self._settings})

    def is_called(self, item: Any, name: str) -> bool:
        """Whether `name` is the account's id or one of its attributes: what was asked for by name
        is told from somebody else."""
        wanted = name.casefold()
        if as_text(self._program.id.get(item)).casefold() == wanted:
            return True
        values = (self.value(one, item) for one in self._program.attributes.values())
        return any(isinstance(v, str | int) and as_text(v).casefold() == wanted for v in values)

    def loaded(self, item: Any, where: str) -> RemoteAccount:
        """One account. The fingerprint is over what is read of it, so that a list and a single
        answer that show different things besides agree."""
        identifier = self.identifier(item, where)
        attributes = self.attributes(item)
        active = self.active(item)
        seen = orjson.dumps([identifier, active, attributes], option=orjson.OPT_SORT_KEYS)
        return RemoteAccount(identifier, attributes, active, blake2b(seen, digest_size=16).digest())

    def attributes(self, item: Any) -> dict[str, Value]:
        found: dict[str, Value] = {}
        for one in self._wanted:
            value = self.value(one, item)
            if value is not None:
                found[one.name] = value
        return found

    def of(self, item: Any, name: str) -> Value | None:
        """One attribute, whether or not it is wanted elsewhere."""
        one = self._program.attributes.get(name)
        return None if one is None else self.value(one, item)

    def value(self, one: AttributeProgram, item: Any) -> Value | None:
        raw = one.path.get(item) if one.path is not None else None
        if one.read is not None:
            raw = evaluate(one.read, {"item": item, "value": raw, "settings": self._settings})
        return _plain(raw, one)

    def active(self, item: Any) -> bool | None:
        """Whether it is open; None where it does not say."""
        spec = self._program.spec.active
        if spec is None:
            return None
        if self._program.active_when is not None:
            answer = evaluate(self._program.active_when, {"item": item, "settings": self._settings})
            return _MISSING[spec.missing] if answer is MISSING else answer is True
        assert self._program.active_path is not None
        found = self._program.active_path.get(item)
        if found is None:
            return _MISSING[spec.missing]
        if spec.open is not None:
            return _among(found, spec.open)
        if spec.closed is not None:
            return not _among(found, spec.closed)
        return _among(found, [True, 1, "yes", "on"])

    # Writing.

    def written(
        self, values: Mapping[str, Value | None], account: Mapping[str, Value | None]
    ) -> dict[str, Any]:
        """As the application holds them, in one object."""
        made: dict[str, Any] = {}
        self.put(made, values, account)
        return made

    def put(
        self,
        into: dict[str, Any],
        values: Mapping[str, Value | None],
        account: Mapping[str, Value | None],
    ) -> None:
        """The same, into an object that is there."""
        for one in self._known(values):
            if one.written and one.path is not None:
                one.path.put(into, self._sent(one, values[one.name], account))

    def changes(
        self, values: Mapping[str, Value | None], account: Mapping[str, Value | None]
    ) -> list[dict[str, Any]]:
        """One by one, for applications that take one field a request."""
        return [
            {
                "name": one.name,
                "path": str(one.path),
                "value": self._sent(one, values[one.name], account),
            }
            for one in self._known(values)
            if one.written and one.path is not None
        ]

    def whole(self, current: Mapping[str, Any], values: Mapping[str, Value | None]) -> Any:
        """The account as it was read, with these values, without what is only to be read."""
        made = copy.deepcopy(dict(current))
        self.put(made, values, {**self.attributes(current), **values})
        for path in self._program.read_only:
            path.drop(made)
        return made

    def check_changeable(self, names: Iterable[str], used: Collection[str]) -> None:
        """Raises `Rejected` for attributes that this application never changes: those that are
        fixed, and those that are not written and that no request uses by name."""
        stays = [
            name
            for name in names
            if (one := self._program.attributes.get(name)) is not None
            and (one.fixed or not (one.written or {f"account.{name}", "account"} & set(used)))
        ]
        if stays:
            raise Rejected(
                f"This application does not change {', '.join(stays)} once an account is made. "
                "Map it `when: create`, take it out of the mapping, or change it there by hand.",
                stays,
            )

    def named_in(self, text: str, names: Iterable[str]) -> list[str]:
        """The attributes that an error's text speaks of, by either name."""
        said = text.casefold()
        found = []
        for name in names:
            one = self._program.attributes.get(name)
            leaf = one.path.leaf.casefold() if one is not None and one.path else ""
            if (leaf and leaf in said) or name.casefold() in said:
                found.append(name)
        return found

    def with_fields(self, error: HttpRejected, values: Mapping[str, Value | None]) -> HttpRejected:
        """A refusal, with the attributes that its text speaks of."""
        said = str(error).partition(":")[2]
        fields = self.named_in(said, values)
        return HttpRejected(str(error), fields, status=error.status, code=error.code)

    def _known(self, values: Mapping[str, Value | None]) -> list[AttributeProgram]:
        return [self._program.attributes[n] for n in values if n in self._program.attributes]

    def _sent(
        self, one: AttributeProgram, value: Value | None, account: Mapping[str, Value | None]
    ) -> Any:
        if value in (None, "", []):
            return one.empty
        if one.write is None:
            return list(value) if isinstance(value, tuple | frozenset | set) else value
        made = evaluate(one.write, {"value": value, "account": account, "settings": self._settings})
        return one.empty if made is MISSING else made


_MISSING = {"open": True, "closed": False, "unknown": None}


def _among(found: Any, wanted: Any) -> bool:
    options = wanted if isinstance(wanted, list) else [wanted]
    return as_text(found).casefold() in {as_text(one).casefold() for one in options}


def _plain(raw: Any, one: AttributeProgram) -> Value | None:
    """An attribute's value. Raises `StopApplication` for what is none."""
    if raw is MISSING or raw in (None, "", []):
        return None
    if isinstance(raw, str | int | float | bool):
        return raw
    if isinstance(raw, list) and not any(isinstance(part, dict | list) for part in raw):
        return [as_text(part) for part in raw if part not in (None, "")] or None
    raise StopApplication(
        f"The attribute {one.name} is not a value but an object at {one.path}. Correct its place "
        "in the specification, such as one key deeper."
    )
