"""Two people who are one, and one who is two: everything goes along, nothing is done to an account
unseen, and it is taken back whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tenure.applications.models import Account
from tenure.audit.models import Action, Event
from tenure.audit.services import acting
from tenure.infra.clock import now
from tenure.people import moving
from tenure.people.models import Person, PersonUnion, ReservedName
from tenure.provisioning import services
from tenure.provisioning.decisions import union_undoing, unions
from tenure.provisioning.decisions.unions import UnionRefused
from tenure.provisioning.models import Operation
from tenure.provisioning.planning.drafting import Scope
from tenure.provisioning.planning.plans import preview
from tenure.rules.models import AccessException
from tenure.signin.models import Passkey, Session
from tenure.sources.models import Source, SourceRecord
from tests.provisioning.company import Company, apply, linked
from tests.sources import hr


class Twice:
    """Anna, twice: 1 by HR, and P-7 by the partners, each with an account in Chat; P-7 in Mail."""

    def __init__(self, company: Company, folder: Path) -> None:
        self.company, self.folder = company, folder
        for slug in ("chat", "mail"):
            company.application(slug)
        company.rule("everyone", "has(user.family_name)", {"chat": []})
        company.rule("partners", 'user.given_name == "Annamari"', {"mail": []})
        self.hr = hr.source("hr", position=0, absence="leave", authoritative=True)
        self.partners = hr.source("partners", position=1, absence="leave", authoritative=True)
        self.hr_says(hr.row(1, given="Anna", email="anna@acme.example"))
        self.partners_say(hr.row("P-7", given="Annamari", email="annamari@acme.example"))
        apply("chat", "mail")
        self.anna, self.other = hr.person(1), hr.person("P-7")

    def hr_says(self, *rows: str) -> Any:
        return hr.take(self.hr, self.folder, rows, accept="a test")

    def partners_say(self, *rows: str) -> Any:
        return hr.take(self.partners, self.folder, rows, accept="a test")

    def merge(self, **more: Any) -> PersonUnion:
        with acting("cleo"):
            return unions.merge(person=self.anna, other=self.other, reason="it is her", **more)

    def now(self) -> Person:
        return Person.objects.get(pk=self.anna.pk)


@pytest.fixture
def twice(company: Company, tmp_path: Path) -> Twice:
    return Twice(company, tmp_path)


def kinds(person: Person) -> list[tuple[str, str]]:
    plan = preview(Scope(person=person.pk))
    return sorted((line.application, line.kind.value) for line in plan.lines)


def facts() -> dict[str, Any]:
    """Whose everything is, in words that do not change when it goes and comes back."""
    return {
        "people": {
            str(p.uid): (p.employee_number, p.email, p.attributes, p.origins, p.state)
            for p in Person.objects.all()
        },
        "records": {
            (r.source.slug, r.key): (str(r.person.uid), r.tied_by)
            for r in SourceRecord.objects.select_related("source", "person")
        },
        "accounts": {
            a.user_name: (str(a.person.uid) if a.person else "", a.situation)
            for a in Account.objects.select_related("person")
        },
        "names": {n.value: str(n.person.uid) for n in ReservedName.objects.all() if n.person},
        "exceptions": sorted(
            (str(e.person.uid), e.application, e.ended_at) for e in AccessException.objects.all()
        ),
        "keys": sorted(str(k.person.uid) for k in Passkey.objects.all() if k.person),
    }


def passkey(person: Person) -> Passkey:
    return Passkey.objects.create(
        person=person, credential_id=str(person.uid).encode(), public_key=b"k", name="phone"
    )


def test_everything_goes_along_and_comes_back(twice: Twice) -> None:
    key = passkey(twice.other)
    session = Session.objects.create(person=twice.other, passkey=key)
    for person in (twice.anna, twice.other):
        AccessException.objects.create(
            person=person, application="crm", gives=True, reason="r", decided_by="x"
        )
    AccessException.objects.create(
        person=twice.other, application="wiki", gives=True, reason="r", decided_by="x"
    )
    Person.objects.filter(pk=twice.anna.pk).update(manager=twice.other)
    before = facts()
    union = twice.merge()
    assert not Person.objects.filter(pk=twice.other.pk).exists()
    anna = twice.now()
    # HR goes first, and what only the partners know is there too.
    assert (anna.employee_number, anna.display_name) == ("1", "Anna Kovács")
    assert (anna.email, anna.manager) == ("anna@acme.example", None)
    assert {r.key: r.tied_by for r in anna.records.all()} == {"1": "", "P-7": unions.BY_HAND}
    # One account of each application goes on, nothing was done to any.
    assert {a.application.slug: a.user_name for a in anna.accounts.all()} == {
        "chat": "anna@acme.example",
        "mail": "annamari@acme.example",
    }
    aside = Account.objects.get(user_name="annamari@acme.example", application__slug="chat")
    assert (aside.person, aside.situation, aside.active) == (None, "disputed", True)
    assert twice.company.open_users("chat") == {"anna@acme.example", "annamari@acme.example"}
    # Signed out, and in again as Anna; decisions hers, those of the same thing once.
    session.refresh_from_db()
    assert session.ended_at is not None
    assert Passkey.objects.get().person == anna
    assert sorted(e.application for e in anna.exceptions.all()) == ["crm", "wiki"]
    # The other address stays taken, and what follows is planned, not done.
    assert ReservedName.objects.get(value="annamari@acme.example").person == anna
    assert ("mail", "disable") in kinds(anna)
    events = Event.objects.filter(action=Action.PEOPLE_MERGED)
    assert {e.person for e in events} == {str(anna.uid), str(twice.other.uid)}
    assert {(e.actor, e.reason) for e in events} == {("cleo", "it is her")}
    back = union_undoing.undo(union=union, reason="it is not")
    assert back.uid == twice.other.uid
    after = facts()
    assert after == before
    with pytest.raises(UnionRefused, match="taken back already"):
        union_undoing.undo(union=union, reason="again")
    for person in Person.objects.all():
        assert kinds(person) == []


def test_the_accounts_of_the_other_one_may_go_on(twice: Twice) -> None:
    twice.merge(take=["chat"])
    assert linked("chat").keys() == {"annamari@acme.example"}
    # By the rules it is hers from now on: under her name, and nothing else.
    assert kinds(twice.now()) == [("chat", "update"), ("mail", "disable")]


def test_both_records_count_from_now_on(twice: Twice) -> None:
    twice.merge()
    twice.hr_says(hr.row(2))
    assert twice.now().state == "active"
    assert twice.now().employee_number == "1"
    twice.partners_say(hr.row("P-8"))
    assert twice.now().state == "left"


def test_first_for_counts_after_a_merge(twice: Twice) -> None:
    Source.objects.filter(slug="partners").update(first_for=["given_name"])
    twice.merge()
    anna = twice.now()
    assert (anna.attributes["given_name"], anna.origins["given_name"]) == ("Annamari", "partners")
    assert anna.origins["family_name"] == "hr"
    assert ("mail", "disable") not in kinds(anna)


def test_what_keeps_somebody_out_counts_for_both(twice: Twice) -> None:
    Person.objects.filter(pk=twice.other.pk).update(
        suspended=True, legal_hold_since=now(), legal_hold_reason="case 7"
    )
    union = twice.merge()
    assert (twice.now().state, twice.now().legal_hold_reason) == ("suspended", "case 7")
    back = union_undoing.undo(union=union, reason="no")
    assert (twice.now().state, twice.now().legal_hold_reason) == ("active", "")
    assert (back.state, back.legal_hold_reason) == ("suspended", "case 7")


def test_a_termination_of_the_second_one_ends_nothing(twice: Twice) -> None:
    services.terminate_now(twice.other, reason="was there twice")
    twice.merge()
    assert (twice.now().state, twice.now().terminated_at) == ("active", None)
    # What was planned for the other one is off: nothing is closed that was not planned for her.
    open_ones = Operation.objects.filter(state__in=["planned", "held"])
    assert not open_ones.filter(account__user_name="annamari@acme.example").exists()


def test_a_deleted_account_is_not_brought_back(twice: Twice) -> None:
    union = twice.merge()
    account = Account.objects.get(application__slug="mail")
    Operation.objects.create(
        application=account.application,
        person=twice.now(),
        account=account,
        kind="delete",
        state="done",
        started_at=now(),
        finished_at=now(),
    )
    with pytest.raises(
        UnionRefused, match=r"annamari@acme\.example in Mail was deleted"
    ) as refused:
        union_undoing.undo(union=union, reason="no")
    assert "tenure person split" in str(refused.value)
    assert Person.objects.count() == 1


def test_what_is_on_its_way_is_waited_for(twice: Twice) -> None:
    Operation.objects.create(
        application=Account.objects.first().application,  # type: ignore[union-attr]
        person=twice.other,
        kind="update",
        state="started",
    )
    with pytest.raises(UnionRefused, match="on its way to Chat"):
        twice.merge()
    with pytest.raises(UnionRefused, match="one person already"):
        unions.merge(person=twice.anna, other=twice.anna, reason="r")


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_reason_is_needed(twice: Twice, reason: str) -> None:
    with pytest.raises(UnionRefused, match="needs a reason"):
        unions.merge(person=twice.anna, other=twice.other, reason=reason)


def test_one_who_is_two(twice: Twice) -> None:
    twice.merge()
    anna = twice.now()
    records = list(anna.records.filter(source=twice.partners))
    before = facts()
    union = unions.split(
        person=anna, records=records, accounts=["mail"], reason="two Annas after all"
    )
    new = Person.objects.get(uid=union.other_uid)
    assert (new.employee_number, new.display_name) == ("P-7", "Annamari Kovács")
    assert [r.key for r in twice.now().records.all()] == ["1"]
    assert {a.application.slug for a in new.accounts.all()} == {"mail"}
    assert {a.application.slug for a in twice.now().accounts.all()} == {"chat"}
    # Their record is theirs from now on.
    assert (
        twice.partners_say(hr.row("P-7", given="Annamari", email="a2@acme.example")).counts["added"]
        == 0
    )
    assert Person.objects.get(pk=new.pk).attributes["email"] == "a2@acme.example"
    twice.partners_say(hr.row("P-7", given="Annamari", email="annamari@acme.example"))
    union_undoing.undo(union=union, reason="one after all")
    after = facts()
    assert after["accounts"] == before["accounts"]
    assert after["records"] == before["records"]
    assert after["people"] == before["people"]


def test_a_split_leaves_somebody_and_knows_its_records(twice: Twice) -> None:
    with pytest.raises(UnionRefused, match="nobody would be left"):
        unions.split(person=twice.anna, records=list(twice.anna.records.all()), reason="r")
    with pytest.raises(UnionRefused, match="Say which records"):
        unions.split(person=twice.anna, records=list(twice.other.records.all()), reason="r")
    union = twice.merge()
    assert union.pk
    with pytest.raises(UnionRefused, match="no account in crm"):
        unions.split(
            person=twice.now(),
            records=[twice.partners.records.get()],
            accounts=["crm"],
            reason="r",
        )


def test_two_with_one_number_part(company: Company, tmp_path: Path) -> None:
    """Two sources count by themselves, and were not told so: both have a 1."""
    first, second = hr.source("hr"), hr.source("shop", position=1)
    hr.take(first, tmp_path, [hr.row(1, given="Anna")])
    hr.take(second, tmp_path, [hr.row(1, given="Bo")])
    anna = hr.person(1)
    union = unions.split(person=anna, records=list(second.records.all()), reason="Bo is no Anna")
    new = Person.objects.get(uid=union.other_uid)
    assert (new.employee_number, new.attributes["given_name"]) == (None, "Bo")
    assert "employee_number" not in new.attributes
    assert hr.take(second, tmp_path, [hr.row(1, given="Bob")]).counts["added"] == 0
    assert Person.objects.get(pk=new.pk).attributes["given_name"] == "Bob"
    assert hr.person(1).attributes["given_name"] == "Anna"


def test_nothing_that_refers_to_people_is_forgotten() -> None:
    """Whatever is new goes along by itself; what is decided one by one is named."""
    told = {key for key, _, _ in moving.references()}
    assert {"applications.Account.person", "signals.Told.person"} <= told
    assert "signals.LeftOut.person" in told
    assert len(told) > 20
