"""How to speak to one application now: what its dialect says, what it declares, what was learnt.

What the dialect says wins; then what was seen to work since the connection was opened; then what
the server declares; then the standard. What is learnt is told, so that a connection check can offer
it as the dialect. It must not send anything but the question what the server declares.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from tenure.connectors.http import HttpFunnel
from tenure.connectors.scim.declared import Declared, declared, has_no_bulk
from tenure.connectors.scim.dialect import Dialect

#: What has a default in the dialect that only a trial can show to be wrong.
_BY_TRIAL = frozenset({"off.final", "delete", "members.shown"})


class Speech:
    """One connection's. `ready` has to be awaited before anything that the server may declare."""

    def __init__(self, dialect: Dialect, *, address: str, http: HttpFunnel) -> None:
        self.dialect = dialect
        self.declared = Declared()
        self._address = address
        self._http = http
        #: Bulk requests were seen not to work: not even a dialect that asks for them helps.
        self.bulk_failed = False
        self._asked = False
        self._asking = asyncio.Lock()
        #: Dotted name in the dialect -> what was seen to work, and why it is said.
        self._learnt: dict[str, tuple[Any, str]] = {}
        #: Dotted name -> what the dialect says: asked several times for every account.
        self._dialect_says: dict[str, Any] = {}
        self._filter_works: set[str] = set()
        self._filter_fails: dict[str, str] = {}

    async def ready(self) -> Speech:
        """Knows what the server declares."""
        if not self._asked:
            async with self._asking:
                if not self._asked:
                    self.declared = await declared(self._http, self._address, self.dialect.version)
                    self._asked = True
        return self

    def open(self, name: str) -> bool:
        """Whether neither the dialect nor experience says anything of it."""
        return self._said(name) is None

    def learn(self, name: str, value: object, why: str = "") -> None:
        """It was seen to work. `why` is empty for what is as the standard says."""
        said = self._given(name)
        if name not in self._learnt and (said is None or (name in _BY_TRIAL and said != value)):
            self._learnt[name] = (value, why)

    def learn_filter(self, attribute: str, *, works: bool, why: str = "") -> None:
        """Whether accounts can be searched for by it. One that was ignored once found whom it
        found by chance; one that was refused may have been so for its value."""
        if not works:
            self._filter_works.discard(attribute)
            self._filter_fails.setdefault(attribute, why)
        elif attribute not in self._filter_fails:
            self._filter_works.add(attribute)

    def filter_works(self, attribute: str) -> bool:
        """Whether a search by it has found somebody."""
        return attribute in self._filter_works

    def fitted(self) -> Dialect:
        """The dialect with what was learnt and deviates from the standard."""
        made = self.dialect.model_dump()
        for name, (value, why) in self._learnt.items():
            if why:
                _put(made, name, value)
        if self._filter_fails and self.dialect.filters is None:
            made["filters"] = sorted(self._filter_works)
        return Dialect.model_validate(made)

    def notes(self) -> list[str]:
        """What was learnt, as sentences."""
        found = [why for _, why in self._learnt.values() if why]
        return [*found, *(why for why in self._filter_fails.values() if why)]

    # What to do, in the words of the dialect.

    @property
    def changes(self) -> Literal["patch", "put", "none"]:
        """How accounts are changed."""
        said = self._said("changes.by")
        if said is not None:
            return said  # type: ignore[no-any-return]
        if self.declared.patch is None:
            return "put" if self.dialect.version == "1.1" else "patch"
        return "patch" if self.declared.patch else "put"

    @property
    def members(self) -> Literal["patch", "put", "user", "none"]:
        """How memberships are changed."""
        said = self._said("members.by")
        if said is not None:
            return said  # type: ignore[no-any-return]
        return "put" if self.changes == "put" else "patch"

    @property
    def paging(self) -> Literal["index", "cursor", "none"]:
        """How lists are read."""
        said = self._said("pages.by")
        if said is not None:
            return said  # type: ignore[no-any-return]
        return "cursor" if self.declared.cursor else "index"

    @property
    def first_index(self) -> int:
        """Where startIndex begins."""
        return 0 if self._said("pages.first") == 0 else 1

    def page_size(self, wanted: int) -> int | None:
        """What to ask for as count; None: nothing."""
        if self._said("pages.count") is False:
            return None
        return min(wanted, self.dialect.pages.largest or self.declared.largest or wanted)

    @property
    def bulk(self) -> bool:
        """Whether several changes may go in one request."""
        if self.dialect.version == "1.1" or self.bulk_failed:
            return False
        said = self._said("bulk.use")
        return bool(said if said is not None else self.declared.bulk)

    def without_bulk(self, why: str) -> None:
        """It does not work, whatever was said. Remembered for those who come next, too."""
        self.learn("bulk.use", False, why)
        self.bulk_failed = True
        has_no_bulk(self._address)

    @property
    def etags(self) -> bool:
        """Whether a change names the version that it is made to."""
        said = self._said("etags")
        return bool(said if said is not None else self.declared.etags)

    @property
    def typed(self) -> bool:
        """Whether entries of lists have types."""
        return self._said("typed") is not False

    @property
    def external_id(self) -> bool:
        """Whether it keeps what we know an account by."""
        return self._said("external_id") is not False

    @property
    def references(self) -> bool:
        """Whether members are named by their address, too."""
        return bool(self._said("members.references"))

    @property
    def shown(self) -> str | None:
        """Where members are shown; None: not known yet."""
        return self._said("members.shown")  # type: ignore[no-any-return]

    def filterable(self, attribute: str) -> bool:
        """Whether it is worth asking for accounts by it."""
        if self.dialect.filters is not None:
            return attribute in self.dialect.filters
        return self.declared.filters is not False and attribute not in self._filter_fails

    def said(self, name: str) -> Any:
        """What the dialect or experience says; None: nothing."""
        return self._said(name)

    def _said(self, name: str) -> Any:
        learnt = self._learnt.get(name)
        if name not in self._dialect_says:
            self._dialect_says[name] = self._given(name)
        given = self._dialect_says[name]
        return given if given is not None or learnt is None else learnt[0]

    def _given(self, name: str) -> Any:
        holder: Any = self.dialect
        for part in name.split("."):
            holder = getattr(holder, part)
        return holder


def _put(made: dict[str, Any], name: str, value: object) -> None:
    *sections, last = name.split(".")
    for section in sections:
        made = made[section]
    made[last] = value


def as_text(value: Any) -> Any:
    """Every boolean of a body as text, for applications that know no other."""
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, Mapping):
        return {name: as_text(part) for name, part in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        return [as_text(part) for part in value]
    return value
