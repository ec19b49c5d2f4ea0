"""May an account that is met while one is to be made be taken for a person's? By the same rules as
when accounts are read: what they do not tie to this person, and nobody else, is left alone."""

from __future__ import annotations

from tenure.applications.models import Account, Application, Decided
from tenure.connectors.base import RemoteAccount
from tenure.core.account_conditions import compile_account_condition, first_that_holds, seen
from tenure.core.correlation import Key, correlate
from tenure.core.model import Situation
from tenure.people.models import Person
from tenure.provisioning.reconciliation.correlating import matcher_for, people_keys

_BY_HAND = "`tenure reconcile` reads it, and `tenure accounts link` ties it to its owner."


class Owners:
    """For one application and as long as one drain takes. People are read when first asked for."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._ignoring = [compile_account_condition(text) for text in application.ignore]
        self._matcher = matcher_for(application)
        self._people: dict[Key, set[str]] | None = None

    def objection(self, account: RemoteAccount, uid: str) -> str:
        """Why the account may not be taken for this person's; "" where it may."""
        person = Person.objects.get(uid=uid)
        known = (
            Account.objects.filter(application=self._application, remote_id=account.remote_id)
            .exclude(situation=Situation.DELETED.value)
            .first()
        )
        if known is not None and known.situation == Situation.LINKED.value:
            if known.person_id == person.pk:
                return ""
            return "It belongs to somebody else here: one of the two needs another name."
        if account.attributes.get("externalId") == uid:
            return self._refused(known, person)
        given = seen(account.attributes, remote_id=account.remote_id, active=account.active)
        if first_that_holds(self._ignoring, given) is not None:
            return "It is a service account that is ignored: the person needs another name."
        return self._refused(known, person) or self._by_rules(account, person)

    def _refused(self, known: Account | None, person: Person) -> str:
        """What a person has decided, or has still to."""
        if known is None:
            return ""
        if known.decision == Decided.IGNORED.value:
            return "Somebody decided that it is nobody's: the person needs another name."
        if str(person.pk) in known.refused:
            return "Somebody decided that it is not theirs: the person needs another name."
        if known.situation == Situation.DISPUTED.value:
            return f"Whose it is has not been decided. {known.situation_reason} {_BY_HAND}"
        return ""

    def _by_rules(self, account: RemoteAccount, person: Person) -> str:
        keys = self._matcher.account_keys(account.attributes)
        by_key = self._index()
        people: dict[str, set[Key]] = {}
        for key in keys:
            for pk in by_key.get(key, ()):
                people.setdefault(pk, set()).add(key)
        verdict = correlate(self._matcher.rules, {"": keys}, people.items())[""]
        if verdict.owner == str(person.pk):
            return ""
        if verdict.owner is not None or verdict.candidates:
            return f"By the rules it could be somebody else's. {verdict.reason} {_BY_HAND}"
        return f"No rule ties it to this person. {_BY_HAND}"

    def _index(self) -> dict[Key, set[str]]:
        if self._people is None:
            self._people = {}
            for pk, keys in people_keys(self._matcher):
                for key in keys:
                    self._people.setdefault(key, set()).add(pk)
        return self._people
