"""An account taken for the person whose it is, in a browser."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from tenure.applications.models import Account
from tenure.audit.models import Event
from tenure.provisioning.models import Operation
from tests.console.company import Sample

pytestmark = pytest.mark.django_db


def test_it_is_shown_then_done_for_a_reason(sample: Sample, owner: Client) -> None:
    workspace, (one, other, *_) = sample.applications["workspace"], sample.people
    account = Account.objects.get(application=workspace, person=one)
    second = Account.objects.get(application=workspace, person=other)
    address = reverse("console:take_account", args=["workspace", account.pk])
    assert (
        address
        in owner.get(reverse("console:account", args=["workspace", account.pk])).content.decode()
    )
    page = owner.get(f"{address}?person={other.employee_number}").content.decode()
    assert "The plan that follows" in page
    assert "may still know how to sign in to it" in page
    assert "It keeps the user name anna.kovacs@acme.example" in page
    nobody = owner.get(f"{address}?person=nobody-like-that")
    assert nobody.status_code == 422
    assert "nobody-like-that" in nobody.content.decode()
    # Nothing is taken from somebody other than was shown.
    stale = {"person": str(other.uid), "seen": f"0-{second.pk}", "reason": "nobody has it"}
    refused = owner.post(address, stale)
    assert refused.status_code == 422
    assert "others&#x27; than was shown" in refused.content.decode()
    said = {"person": str(other.uid), "seen": f"{one.pk}-{second.pk}"}
    assert f'name="seen" value="{said["seen"]}"' in page
    assert owner.post(address, said).status_code == 422
    account.refresh_from_db()
    assert account.person_id == one.pk
    done = owner.post(address, {**said, "reason": "it was always his"}, follow=True)
    assert "Jorge Ortiz&#x27;s. The plan has what follows." in done.content.decode()
    account.refresh_from_db()
    second.refresh_from_db()
    assert (account.person_id, second.person_id) == (other.pk, None)
    assert Event.objects.filter(reason="it was always his").count() == 3


def test_a_persons_page_says_what_is_in_the_way(sample: Sample, owner: Client) -> None:
    anna = sample.people[0]
    # By the name that was refused alone: nothing is disputed.
    Account.objects.filter(situation="disputed").update(situation="unmatched", candidates=[])
    page = owner.get(reverse("console:person", args=[anna.uid])).content.decode()
    assert "In the way:" not in page
    Operation.objects.create(
        application=sample.applications["crm"],
        person=anna,
        kind="create",
        state="failed",
        reason="rule Sales",
        error="POST /Users answered 409: it is taken.",
        attributes={"userName": {"from": None, "to": "A-KOVACS"}},
        generation=1,
    )
    page = owner.get(reverse("console:person", args=[anna.uid])).content.decode()
    account = Account.objects.get(remote_id="a-kovacs")
    assert "In the way:" in page
    assert f"/accounts/{account.pk}/take/?person={anna.uid}" in page
