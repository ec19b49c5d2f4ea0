"""The Single sign-on page: an application is registered in three ways, told of people, tried on one
of them, and turned off."""

from __future__ import annotations

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from tenure.applications.models import Application
from tenure.signin.models import Role
from tenure.sso import keys
from tenure.sso.models import Algorithm, Protocol
from tenure.sso.saml import identity
from tests.console.company import Sample
from tests.console.conftest import signed_in
from tests.saml.application import Application as Provider
from tests.saml.application import pair
from tests.sso.saml.conftest import told

pytestmark = pytest.mark.django_db
PAGE = reverse("console:saml", args=["workspace"])


def html(client: Client, path: str = PAGE) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def seen(client: Client) -> str:
    found = re.search(r'name="seen" value="([0-9a-f]+)"', html(client, f"{PAGE}?register=1"))
    assert found
    return found[1]


def sso() -> dict[str, object]:
    return dict(Application.objects.get(slug="workspace").single_sign_on)


def test_our_values_are_there_before_anything_else(sample: Sample, owner: Client) -> None:
    text = html(owner)
    key = identity.our_keys()[0]
    for value in (identity.places().entity_id, identity.places().sign_on, "Not set up"):
        assert value in text
    assert key.certificate.fingerprint() in text
    made = keys.rotate(Protocol.SAML, Algorithm.RS256)
    text = html(owner)
    assert "The next certificate" in text
    assert reverse("saml:certificate_of", args=[made.kid]) in text


def test_by_a_file_then_told_then_tried(sample: Sample, owner: Client) -> None:
    provider = told("workspace")
    more = (
        '<md:AttributeConsumingService index="1"><md:ServiceName xml:lang="en">W'
        '</md:ServiceName><md:RequestedAttribute Name="urn:oid:2.5.4.42"/>'
        "</md:AttributeConsumingService>"
    )
    document = provider.metadata(encryption=pair("encrypt"), signed_requests=True, more=more)
    given = {"do": "metadata", "seen": seen(owner)}
    file = SimpleUploadedFile("sp.xml", document)
    answer = owner.post(
        reverse("console:saml_register", args=["workspace"]), {**given, "file": file}
    )
    assert answer.status_code == 302
    saml = sso()["saml"]
    assert isinstance(saml, dict)
    assert saml["entity_id"] == provider.entity_id
    assert saml["signed_requests"] is True
    assert "BEGIN CERTIFICATE" in saml["certificates"][0]
    assert set(saml["attributes"]) == {"email", "firstName", "lastName", "groups"}
    anna = sample.people[0]
    text = html(owner, f"{PAGE}?person={anna.uid}")
    assert "Would be " in text
    assert anna.email in text
    assert "samlp:Response" in text
    form = {
        "seen": seen(owner),
        "name_id_format": "persistent",
        "name-0": "mail",
        "value-0": "user.email",
        "name-1": "wrong",
        "value-1": "user.nothing_like_it",
        "encrypt": "1",
    }
    path = reverse("console:saml_tell", args=["workspace"])
    assert owner.post(path, form).status_code == 422
    answer = owner.post(path, {**form, "name-1": "", "start": "https://workspace.example/login"})
    assert answer.status_code == 302
    saml = sso()["saml"]
    assert isinstance(saml, dict)
    assert set(saml["attributes"]) == {"mail"}
    assert saml["encrypt"] is True
    assert "signed_requests" not in saml
    assert "EncryptedAssertion" in html(owner, f"{PAGE}?person={anna.uid}")
    # Who began before that is told, and overwrites nothing.
    assert owner.post(path, {**form, "name-1": ""}).status_code == 409
    off = {"do": "remove", "seen": seen(owner)}
    assert owner.post(reverse("console:saml_act", args=["workspace"]), off).status_code == 302
    assert sso() == {}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"do": "metadata", "xml": "<html/>"}, "no SAML metadata"),
        ({"do": "metadata"}, "nothing to read"),
        ({"do": "hand", "entity_id": "x", "acs": "http://app.example.com/acs"}, "Use https"),
        ({"do": "hand", "entity_id": "", "acs": ""}, "It has none"),
        ({"do": "address", "address": "http://app.example.com/metadata"}, "use https"),
        ({"do": "hand", "entity_id": "x", "acs": "https://a.example/", "certificate": "no"}, "no"),
    ],
)
def test_what_is_wrong_is_said(
    sample: Sample, owner: Client, given: dict[str, str], words: str
) -> None:
    path = reverse("console:saml_register", args=["workspace"])
    answer = owner.post(path, {**given, "seen": seen(owner)})
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert "Nothing was changed" in answer.content.decode()
    assert sso() == {}


def test_who_may(sample: Sample) -> None:
    provider = Provider()
    auditor = signed_in(Role.AUDITOR)
    text = html(auditor)
    assert "Read and register" not in text
    form = {"do": "metadata", "xml": provider.metadata().decode(), "seen": ""}
    path = reverse("console:saml_register", args=["workspace"])
    assert auditor.post(path, form).status_code == 403
    assert Client().get(PAGE).status_code == 302
