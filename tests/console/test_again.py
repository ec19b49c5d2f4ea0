"""Before what many would suffer from, an administrator who has a passkey shows it again."""

from __future__ import annotations

import json

from django.test import Client

from tenure.infra.clock import now
from tenure.people.models import Company, Person
from tenure.signin import again
from tenure.signin.models import Passkey, Role, Session, User
from tests.console.company import Sample
from tests.console.test_lists import text
from tests.signin.authenticator import Authenticator
from tests.signin.people import options, post


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


def locked(owner: Client, path: str, form: dict[str, str] | None = None) -> bool:
    """Whether the passkey has to be shown first, by the page or by what a form asks for."""
    answer = owner.get(path) if form is None else owner.post(path, form)
    return answer.status_code in (200, 403) and "First show that it is you" in str(answer.content)


def test_who_has_a_passkey_shows_it_before_credentials_roles_and_the_stop(
    sample: Sample, owner: Client
) -> None:
    somebody = User.objects.create(name="ben", role=Role.AUDITOR)
    role = {"do": "role", "user": str(somebody.pk), "role": "owner"}
    chat = next(iter(sample.applications))
    pages = ["/console/writes/", "/console/settings/mail/", "/console/catalogue/slack/add/"]
    pages.append(f"/console/applications/{chat}/authorise/")
    person = sample.people[0].uid
    forms = {
        "/console/settings/administrators/change/": role,
        "/console/writes/": {"do": "stop", "reason": "x"},
        f"/console/applications/{chat}/writes/": {"do": "stop", "reason": "x"},
        f"/console/applications/{chat}/settings/connection/": {"base": "{}"},
        f"/console/applications/{chat}/single-sign-on/secret/": {"do": "make"},
        "/console/settings/tokens/change/": {"do": "make", "name": "x"},
        f"/console/people/{person}/access/": {"do": "remove_passkey", "which": "1"},
    }
    # Nobody without a passkey is asked for one.
    assert not any(locked(owner, path) for path in pages)
    user = User.objects.get(name="owner")
    Passkey.objects.create(
        user=user, handle=b"h", credential_id=b"c", public_key=b"k", name="Laptop"
    )
    assert [path for path in pages if not locked(owner, path)] == []
    assert [path for path, form in forms.items() if not locked(owner, path, form)] == []
    somebody.refresh_from_db()
    assert somebody.role == Role.AUDITOR
    assert Company.objects.get().writes_stopped_at is None
    # What the form asked for is kept in the page, and sent on when the passkey was shown.
    shown = owner.post("/console/settings/administrators/change/", role).content.decode()
    assert 'data-then="resend"' in shown
    assert '<input type="hidden" name="role" value="owner">' in shown
    # What holds a secret is not.
    typed = {"base": "{}", "secret-token": "hush"}
    kept = owner.post(f"/console/applications/{chat}/settings/connection/", typed)
    assert "hush" not in kept.content.decode()
    session = owner.session
    session["proved_again"] = 9_999_999_999
    session.save()
    assert owner.post("/console/settings/administrators/change/", role).status_code == 302
    somebody.refresh_from_db()
    assert somebody.role == Role.OWNER


def test_a_browser_that_was_left_open_makes_no_key(sample: Sample, owner: Client) -> None:
    user = User.objects.get()
    assert not locked(owner, "/console/security/")
    Session.objects.update(began_at=now() - again.JUST_IN)
    # Who has no passkey yet makes the first one.
    assert not locked(owner, "/console/security/")
    Passkey.objects.create(
        user=user, handle=b"h", credential_id=b"c", public_key=b"k", name="Laptop"
    )
    assert locked(owner, "/console/security/")
    for path in ("options/", "passkey/", "change/", "codes/"):
        assert owner.post(f"/console/security/{path}").status_code == 403
    assert Passkey.objects.count() == 1


def test_who_has_just_made_the_first_key_is_not_asked_for_it_at_once(
    sample: Sample, owner: Client
) -> None:
    """The link was half an hour ago: the guide takes its time."""
    Session.objects.update(began_at=now() - 2 * again.JUST_IN)
    credential = Authenticator().create(options(owner, "/console/security/options/"))
    assert post(owner, "/console/security/passkey/", {"credential": credential}).status_code == 200
    assert Passkey.objects.count() == 1
    assert not locked(owner, "/console/security/")
    # Another one is nobody's first.
    session = owner.session
    session["proved_again"] = 0
    session.save()
    assert locked(owner, "/console/security/")
