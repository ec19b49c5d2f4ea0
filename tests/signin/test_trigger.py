"""`trigger: onboarding`: the accounts of somebody new are made at the moment that they come in."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.db import transaction

from tenure.audit.models import Event
from tenure.infra.clock import now
from tenure.people.configuration import company_definition, save_company
from tenure.people.models import Company as Settings
from tenure.people.models import Person
from tenure.people.onboarding import Onboarding, Trigger
from tenure.provisioning.questions.explain import explain
from tenure.signin import invitations
from tenure.sources.importing import import_source
from tenure.sources.models import Source
from tests.provisioning.company import Company, apply, drain

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def company(transactional_db: None) -> Company:
    made = Company()
    made.application("chat")
    made.rule("everyone", "has(user.family_name)", {"chat": []})
    Source.objects.create(
        slug="hr",
        name="HR",
        reader="csv",
        mapping={
            "employee_number": 'row["n"]',
            "given_name": 'row["given"]',
            "family_name": 'row["family"]',
            "email": 'row["mail"]',
            "personal_email": 'row["mail"]',
            "start_date": 'row["start"]',
        },
        dates=["%Y-%m-%d"],
    )
    Settings.objects.update_or_create(pk=1, defaults={"plan_mode": "automatic"})
    return made


def trigger(which: Trigger) -> None:
    definition = replace(company_definition(), onboarding=Onboarding(trigger=which))
    save_company(definition=definition)


def hire(folder: Path, *numbers: int, start: date = date(2024, 1, 1)) -> None:
    file = folder / "people.csv"
    lines = [f"{n},Ana{n},Li,ana{n}@acme.example,{start}" for n in numbers]
    file.write_text("\n".join(["n,given,family,mail,start", *lines]))
    import_source(Source.objects.get(), file=file)


def come_in(person: Person) -> None:
    with transaction.atomic():
        invitations.use(invitations.invite(person=person, reason="new"))


def test_nothing_is_made_before_and_everything_at_once(company: Company, tmp_path: Path) -> None:
    hire(tmp_path, 1)
    apply()
    apply()
    trigger(Trigger.ONBOARDING)
    hire(tmp_path, 1, 2)
    apply()
    # Who was here before is as they were.
    assert set(company.open_users()) == {"ana1@acme.example"}
    fresh = Person.objects.get(employee_number="2")
    (chat,) = explain(fresh).applications
    assert (chat.due, chat.summary) == (False, "Not yet: it is made when they have come in.")
    come_in(fresh)
    # Planned in that very transaction.
    drain()
    assert company.open_users() == {"ana1@acme.example", "ana2@acme.example"}
    assert Event.objects.filter(action="person.admitted", person=str(fresh.uid)).count() == 1


def test_days_ahead_of_the_first_one_too(company: Company, tmp_path: Path) -> None:
    apply()
    trigger(Trigger.ONBOARDING)
    hire(tmp_path, 7, start=(now() + timedelta(days=20)).date())
    apply()
    person = Person.objects.get(employee_number="7")
    assert person.state == "upcoming"
    assert company.open_users() == set()
    come_in(person)
    drain()
    assert company.open_users() == {"ana7@acme.example"}


def test_a_company_that_changes_its_mind_keeps_nobody_waiting(
    company: Company, tmp_path: Path
) -> None:
    apply()
    trigger(Trigger.ONBOARDING)
    hire(tmp_path, 1, 2)
    apply()
    assert company.open_users() == set()
    trigger(Trigger.START)
    apply()
    assert company.open_users() == {"ana1@acme.example", "ana2@acme.example"}
    assert not Person.objects.filter(admitted=False).exists()
