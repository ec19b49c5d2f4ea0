"""Sensitive values on their way into accounts: veiled in everything that is stored to be read,
sealed where an operation still has to send them, opened for whoever sends.

An operation's `attributes` hold what stands for such a value (`core.veiling`), so that whatever
shows, exports or records an operation shows no value, whether it knows of this or not. The values
themselves are in `sealed`, until the operation is settled.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

from django.conf import settings

from tenure.applications.models import Account, Application
from tenure.core.expressions import ExpressionError
from tenure.core.model import Change, OperationState, Value
from tenure.core.veiling import Veil, is_veiled, texts_of
from tenure.infra.bulk import update_rows
from tenure.infra.secrets import Box, SecretError
from tenure.people.models import Person
from tenure.people.services import sensitive_attributes
from tenure.provisioning.models import Operation
from tenure.provisioning.records import remarks
from tenure.provisioning.records.loading import sensitive_names
from tenure.vault import services as vault

#: Attribute -> {"from", "to"}, as operations keep changes.
Kept: TypeAlias = dict[str, dict[str, object]]
#: From which digests are made, in the vault.
DIGEST_KEY = "sensitive.digests"
#: In these nothing of an operation is sent any more.
OVER = frozenset({OperationState.DONE.value, OperationState.CANCELLED.value})


def prepare() -> None:
    """See that the key of digests is there, where anything is sensitive."""
    if sensitive_attributes():
        vault.ours(DIGEST_KEY, _fresh_key)


def veil(applications: Iterable[Application]) -> Veil:
    """The veil over the accounts of these applications."""
    try:
        return veil_over(sensitive_names(applications))
    except ExpressionError:
        # What does not compile is told where it is planned; nothing is shown meanwhile.
        return veil_over({row.slug: _every(row) for row in applications})


def veil_over(names: Mapping[str, frozenset[str]]) -> Veil:
    """The veil over these attributes: application -> names."""
    given = {slug: hidden for slug, hidden in names.items() if hidden}
    return Veil(given, bytes.fromhex(vault.ours(DIGEST_KEY, _fresh_key)) if given else b"")


def shown(account: Account, over: Veil | None = None) -> dict[str, Any]:
    """What was last seen of an account, its sensitive attributes veiled."""
    application = account.application
    return (over or veil([application])).values(
        application.slug, owner_of(account.person, account), account.attributes
    )


def owner_of(person: Person | None, account: Account | None) -> str:
    """Whose values are told apart from everybody else's."""
    if person is not None:
        return str(person.uid)
    return account.remote_id if account is not None else ""


class Sealing:
    """Opens and seals what operations carry. Knows the keys once, for many operations."""

    def __init__(self, over: Veil) -> None:
        self._veil = over
        self._box: Box | None = None

    def changes(
        self, application: Application, owner: str, given: Mapping[str, Change]
    ) -> tuple[Kept, str]:
        """The changes as an operation keeps them, and the sealed values of those that are
        sensitive ("" where none is)."""
        veiled = self._veil.changes(application.slug, owner, given)
        kept: Kept = {n: {"from": c.before, "to": c.after} for n, c in veiled.items()}
        if veiled is given:
            return kept, ""
        hidden = self._veil.of(application.slug)
        private = {n: [c.before, c.after] for n, c in given.items() if n in hidden}
        self._box = self._box or vault.box()
        text = json.dumps(private, ensure_ascii=False, default=list)
        return kept, self._box.seal(text, bound_to=_bound(application.pk))


def private(row: Operation) -> dict[str, Change]:
    """The sensitive changes of an operation in clear; none where none is, or it is settled.
    Raises `SecretError`."""
    if not row.sealed:
        return {}
    text = _opened(row.sealed, _bound(row.application_id))
    return {name: Change(*both) for name, both in json.loads(text).items()}


def to_send(row: Operation) -> tuple[dict[str, Value | None], frozenset[str]]:
    """Attribute -> what it is to become, in clear; and the texts that no message about it may say.
    Raises `SecretError`."""
    given: dict[str, Value | None] = {n: c.get("to") for n, c in row.attributes.items()}
    if not row.sealed:
        return given, frozenset()
    hidden = private(row)
    both = (value for change in hidden.values() for value in change)
    return given | {name: change.after for name, change in hidden.items()}, texts_of(both)


def can_be_sent(row: Operation) -> bool:
    """Whether every value is there that it has to send: a key may be lost since it was sealed."""
    try:
        hidden = private(row)
    except SecretError:
        return False
    veiled = [name for name, change in row.attributes.items() if is_veiled(change.get("to"))]
    return hidden.keys() >= set(veiled)


def cover(applications: Iterable[Application], *, since: Veil) -> int:
    """Veil what operations kept in clear before an attribute was called sensitive, or before a
    mapping read it. What is just being sent stays. Returns how many operations that were. The
    trail is never rewritten: what it says of the time before stays."""
    every = list(applications)
    over = veil(every)
    sealing, count = Sealing(over), 0
    for application in every:
        fresh = over.of(application.slug) - since.of(application.slug)
        rows = Operation.objects.filter(
            application=application, sealed="", attributes__has_any_keys=sorted(fresh)
        ).exclude(state=OperationState.STARTED.value)
        if not fresh:
            continue
        remarks.forget(application)
        changed = []
        for row in rows.select_for_update(of=("self",)).select_related("person", "account"):
            given = {n: Change(c.get("from"), c.get("to")) for n, c in row.attributes.items()}
            hidden = over.of(application.slug) & given.keys()
            if any(is_veiled(v) for name in hidden for v in given[name]):
                continue
            owner = owner_of(row.person, row.account)
            row.attributes, sealed = sealing.changes(application, owner, given)
            row.sealed = "" if row.state in OVER else sealed
            changed.append(row)
        update_rows(changed, ["attributes", "sealed"])
        count += len(changed)
    return count


def anything_sealed() -> bool:
    """Whether an operation carries a sealed value."""
    return Operation.objects.exclude(sealed="").exists()


def reseal(box: Box) -> int:
    """Seal with the box's first key what waits to be sent. Returns how many."""
    rows = list(Operation.objects.select_for_update().exclude(sealed=""))
    for row in rows:
        bound = _bound(row.application_id)
        row.sealed = box.seal(box.open(row.sealed, bound_to=bound), bound_to=bound)
    Operation.objects.bulk_update(rows, ["sealed"], batch_size=2000)
    return len(rows)


def _opened(token: str, bound_to: str) -> str:
    """Very many are opened one after another: the keys are read anew only where they are others."""
    try:
        return _keys(str(settings.HOME)).open(token, bound_to=bound_to)
    except SecretError:
        _keys.cache_clear()
        return _keys(str(settings.HOME)).open(token, bound_to=bound_to)


@lru_cache(maxsize=1)
def _keys(_home: str) -> Box:
    return vault.box()


def _bound(application: int) -> str:
    return f"operation in application {application}"


def _fresh_key() -> str:
    return secrets.token_hex(32)


def _every(row: Application) -> frozenset[str]:
    return frozenset(item["attribute"] for item in row.mapping)
