"""Before a person is terminated, an administrator who has a passkey shows it again."""

from __future__ import annotations

import json

from django.test import Client

from tenure.people.models import Person
from tenure.signin.models import Passkey, User
from tests.console.company import Sample
from tests.console.test_lists import text


def test_who_has_a_passkey_shows_it_before_terminating(sample: Sample, owner: Client) -> None:
    person = sample.people[0]
    page = f"/console/people/{person.uid}/terminate/"
    form = {"name": person.display_name, "reason": "dismissed"}
    user = User.objects.get()
    Passkey.objects.create(
        user=user, handle=b"h", credential_id=b"c", public_key=b"k", name="Laptop"
    )
    shown = text(owner, page)
    assert "Show my passkey" in shown
    assert "Type their name" not in shown
    refused = owner.post(page, form)
    assert refused.status_code == 422
    assert Person.objects.get(pk=person.pk).terminated_at is None
    # A signature that is none proves nothing.
    asked = owner.post("/console/again/options/")
    assert "challenge" in asked.json()
    answer = owner.post(
        "/console/again/", json.dumps({"credential": {}}), content_type="application/json"
    )
    assert answer.status_code == 422
    assert "Show my passkey" in text(owner, page)
    session = owner.session
    session["proved_again"] = 9_999_999_999
    session.save()
    assert "Type their name" in text(owner, page)
    assert owner.post(page, form).status_code == 302
    assert Person.objects.get(pk=person.pk).terminated_at is not None
