"""An account taken for the person whose it is, whatever stands in the way."""

from __future__ import annotations

import pytest

from tenure.applications.models import Account
from tenure.audit.models import Action, Event
from tenure.people.models import Person
from tenure.provisioning import services
from tenure.provisioning.decisions import taking
from tenure.provisioning.decisions.ownership import CannotDecide
from tenure.provisioning.models import Operation
from tests.provisioning.company import Company, apply


@pytest.fixture
def two(company: Company) -> tuple[Person, Person]:
    """Both have Chat, each an account of their own."""
    company.application("chat")
    company.rule("everyone", "has(user.department)", {"chat": []})
    company.people(2)
    apply()
    one, other = Person.objects.order_by("pk")
    return one, other


def account(person: Person) -> Account:
    return Account.objects.get(person=person, situation="linked")


def test_it_is_shown_with_what_follows_and_nothing_is_done(two: tuple[Person, Person]) -> None:
    one, other = two
    theirs, mine = account(one), account(other)
    found = taking.preview(theirs, other)
    assert (found.before, found.person, found.freed) == (one, other, mine)
    assert "may still know how to sign in" in found.warnings[0]
    lines = {(line.person_name, line.kind.value) for line in found.plan.lines}
    # Who had it has none, and a new one is made; its attributes become the other one's.
    assert (one.display_name, "create") in lines
    assert (other.display_name, "update") in lines
    assert (account(one), account(other)) == (theirs, mine)
    assert not Event.objects.filter(action=Action.ACCOUNT_UNLINKED).exists()


def test_what_was_shown_is_what_is_done(two: tuple[Person, Person]) -> None:
    one, other = two
    theirs, mine = account(one), account(other)
    with pytest.raises(CannotDecide, match="Say why"):
        taking.take(account=theirs, person=other, reason=" ")
    shown = [line.as_json() for line in taking.preview(theirs, other).plan.lines]
    taking.take(account=theirs, person=other, reason="it was always theirs")
    assert account(other) == theirs
    mine.refresh_from_db()
    assert (mine.person, mine.situation, mine.refused) == (None, "unmatched", [str(other.pk)])
    theirs.refresh_from_db()
    assert theirs.refused == [str(one.pk)]
    assert [line.as_json() for line in services.preview().lines] == shown
    told = Event.objects.filter(reason="it was always theirs")
    assert sorted(told.values_list("action", flat=True)) == [
        Action.ACCOUNT_ADOPTED,
        Action.ACCOUNT_UNLINKED,
        Action.ACCOUNT_UNLINKED,
    ]
    with pytest.raises(CannotDecide, match="'s already"):
        taking.take(account=theirs, person=other, reason="again")


def test_what_must_not_be_is_refused(two: tuple[Person, Person]) -> None:
    one, other = two
    theirs = account(one)
    Account.objects.filter(pk=theirs.pk).update(own=True)
    with pytest.raises(CannotDecide, match="that we use ourselves"):
        taking.preview(theirs, other)
    Account.objects.filter(pk=theirs.pk).update(own=False)
    Operation.objects.filter(person=one).update(state="started")
    with pytest.raises(CannotDecide, match="Something is being done"):
        taking.preview(theirs, other)
    assert account(one) == theirs


def test_what_is_in_the_way_is_found_by_the_name_that_was_taken(two: tuple[Person, Person]) -> None:
    one, other = two
    theirs, mine = account(one), account(other)
    assert taking.in_the_way(other) == {}
    Account.objects.filter(pk=mine.pk).update(person=None, situation="unmatched", user_name="x")
    Operation.objects.filter(person=other).update(
        state="failed", kind="create", attributes={"userName": {"to": theirs.user_name.upper()}}
    )
    assert taking.in_the_way(other) == {theirs.application_id: theirs}
    # Or by the address, where the user name is another one.
    Account.objects.filter(pk=theirs.pk).update(
        user_name="old", attributes={"emails.work": "taken@acme.example"}
    )
    assert taking.in_the_way(other) == {}
    Operation.objects.filter(person=other).update(
        attributes={"emails.work": {"to": "Taken@acme.example"}}
    )
    assert taking.in_the_way(other) == {theirs.application_id: theirs}
    Account.objects.filter(pk=theirs.pk).update(own=True)
    assert taking.in_the_way(other) == {}
    Account.objects.filter(pk=theirs.pk).update(own=False)
    Account.objects.filter(pk=mine.pk).update(situation="disputed", candidates=[str(other.pk)])
    assert taking.in_the_way(other) == {theirs.application_id: mine}
