"""A source that is authorised by OAuth, from the first form to its people: all of it by pages, at
the addresses and with the answers of the vendor."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from tenure.applications import credentials
from tenure.audit.models import Action, Event
from tenure.infra.clock import now
from tenure.people.models import Company
from tenure.setup import authorizing as setup
from tenure.setup import source_drafts
from tenure.setup.models import DraftAuthorization, SourceDraft
from tenure.sources.authorizing import party, warnings
from tenure.sources.importing import import_source
from tenure.sources.models import Source
from tenure.vault.models import Sealed
from tenure.vault.parties import standing
from tests.console.conftest import signed_in
from tests.oauth_server import CLIENT, SECRET, OAuthServer, oauth_server
from tests.orange_hrm import orange_hrm

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server() -> Iterator[OAuthServer]:
    Company.objects.update_or_create(pk=1, defaults={"domain": "acme.example"})
    with orange_hrm() as found:
        yield found


@pytest.fixture
def client() -> Client:
    return signed_in()


def begun(client: Client, server: OAuthServer, **more: str) -> str:
    """The first form, filled in; the page that comes after it."""
    form = {
        "name": "HR",
        "set-url": server.url,
        "set-client_id": CLIENT,
        "secret-client_secret": SECRET,
    }
    answer = client.post(
        reverse("console:source_from", args=["orangehrm"]), {**form, **more}, follow=True
    )
    return " ".join(answer.content.decode().split())


def out(client: Client, view: str = "authorise_draft", slug: str = "hr") -> dict[str, str]:
    """What the browser is sent to the source with."""
    answer = client.get(reverse(f"console:{view}", args=[slug]))
    assert answer.status_code == 302
    return dict(parse_qsl(urlsplit(answer["Location"]).query))


def back(client: Client, **query: str) -> str:
    """The page on which one lands, coming back with this."""
    answer = client.get(reverse("console:authorised"), query, follow=True)
    return " ".join(answer.content.decode().split())


def agreed(client: Client, server: OAuthServer, view: str = "authorise_draft") -> str:
    query = out(client, view)
    server.codes["code"] = query
    return back(client, code="code", state=query["state"])


def page(client: Client, view: str, *arguments: object) -> str:
    answer = client.get(reverse(f"console:{view}", args=arguments), follow=True)
    return " ".join(answer.content.decode().split())


def test_from_the_form_to_its_people(client: Client, server: OAuthServer) -> None:
    said = page(client, "source_from", "orangehrm")
    assert "/console/authorised/" in said
    assert "tenure source add" not in said
    said = begun(client, server)
    assert "Let Tenure read HR" in said
    assert "Not authorised" in said
    # The columns wait for it, however one comes there.
    assert "Let Tenure read HR" in page(client, "source_mapping", "hr")
    draft = SourceDraft.objects.get(slug="hr").definition
    assert draft["oauth"]["client_secret"] == "${box:hr-client-secret}"
    assert draft["secrets"] == {}
    query = out(client)
    assert query["code_challenge_method"] == "S256"
    server.codes["code"] = query
    said = back(client, code="code", state=query["state"])
    assert "HR is authorised. These are its columns." in said
    assert "Lisa" in said
    assert "Ron" in said
    assert not any(token in said for token in server.access | server.refresh)
    assert Sealed.objects.filter(name__startswith="oauth:draft:").count() == 2
    answer = client.get(reverse("console:source_dry", args=["hr"]))
    assert "Lisa" in answer.content.decode()
    said = " ".join(
        client.post(
            reverse("console:source_check", args=["hr"]), {"do": "save", "seen": ""}, follow=True
        )
        .content.decode()
        .split()
    )
    # What was authorised while it was set up is the source's, and of the draft nothing is left.
    assert "Authorised" in said
    assert "Authorise again" in said
    assert not DraftAuthorization.objects.exists()
    assert not Sealed.objects.filter(name__startswith="oauth:draft:").exists()
    source = Source.objects.get(slug="hr")
    assert import_source(source).counts["added"] == 2
    assert Event.objects.filter(action=Action.SOURCE_AUTHORISED, subject_key="hr").count() == 1
    assert warnings() == []
    # Changed without touching how it is authorised, it need not be authorised again.
    assert "Which column is what?" in begun_again(client, server, name="People")
    assert "What importing People changes" in page(client, "source_check", "hr")


def begun_again(client: Client, server: OAuthServer, **form: str) -> str:
    typed = {"name": "HR", "set-url": server.url, "set-client_id": CLIENT, **form}
    answer = client.post(reverse("console:source_edit", args=["hr"]), typed, follow=True)
    return " ".join(answer.content.decode().split())


def test_another_client_is_another_authorisation(client: Client, server: OAuthServer) -> None:
    begun(client, server)
    agreed(client, server)
    client.post(reverse("console:source_check", args=["hr"]), {"do": "save", "seen": ""})
    said = begun_again(client, server, **{"set-client_id": "another"})
    assert "Let Tenure read HR" in said
    # The source in force goes on with its own meanwhile.
    how = standing(party(Source.objects.get(slug="hr")))
    assert how is not None
    assert how.authorised
    found = setup.party_of("hr")
    assert found is not None
    assert standing(found) is not None
    assert found.row() is None
    # What was agreed for a client is not another's.
    begun_again(client, server)
    definition = dict(SourceDraft.objects.get(slug="hr").definition)
    definition["oauth"] = {**definition["oauth"], "scopes": ["more"]}
    source_drafts.save("hr", definition)
    agreed(client, server)
    assert DraftAuthorization.objects.count() == 1
    definition["oauth"] = {**definition["oauth"], "scopes": ["less"]}
    source_drafts.save("hr", definition)
    assert not DraftAuthorization.objects.exists()
    server.answers.clear()
    agreed(client, server)
    definition["oauth"] = {
        **definition["oauth"],
        "revoke_url": f"{server.url}/web/index.php/oauth2/revoke",
    }
    source_drafts.save("hr", definition)
    agreed(client, server)
    before = len(server.refresh)
    client.post(reverse("console:source_discard", args=["hr"]))
    # What was agreed to for nothing is given back.
    assert len(server.refresh) == before - 1
    assert not Sealed.objects.filter(name__startswith="oauth:draft:").exists()
    assert Sealed.objects.filter(name__startswith="oauth:source:").count() == 2


def test_what_went_wrong_is_said_where_it_was_begun(client: Client, server: OAuthServer) -> None:
    begun(client, server)
    said = back(client, error="access_denied", state=out(client)["state"])
    assert "Nobody agreed at HR." in said
    assert "Let Tenure read HR" in said
    said = back(client, code="old", state=out(client)["state"])
    assert "A code is good once, for a few minutes" in said
    assert "/console/authorised/ is registered there" in said
    said = back(client, code="code", state="another")
    assert "belongs to no authorisation that this browser has begun" in said
    state = out(client)["state"]
    kept = client.session
    kept[f"authorising:{state}"] = {
        **kept[f"authorising:{state}"],
        "at": "2026-01-01T00:00:00+00:00",
    }
    kept.save()
    assert "more than ten minutes ago" in back(client, code="code", state=state)
    begun(client, server, **{"name": "HR two", "secret-client_secret": "wrong"})
    query = out(client, slug="hr-two")
    server.codes["code"] = query
    said = back(client, code="code", state=query["state"])
    assert "Check the client ID and secret" in said
    assert not DraftAuthorization.objects.exists()


def test_it_goes_on_where_the_first_steps_began(client: Client, server: OAuthServer) -> None:
    said = begun(client, server, back="start")
    authorise = f"{reverse('console:authorise_draft', args=['hr'])}?back=start"
    assert f'href="{authorise}"' in said
    query = dict(parse_qsl(urlsplit(client.get(authorise)["Location"]).query))
    server.codes["code"] = query
    answer = client.get(reverse("console:authorised"), {"code": "code", "state": query["state"]})
    assert answer["Location"] == f"{reverse('console:source_mapping', args=['hr'])}?back=start"


def test_a_scope_that_was_not_granted_is_told(client: Client, server: OAuthServer) -> None:
    begun(client, server)
    definition = dict(SourceDraft.objects.get(slug="hr").definition)
    definition["oauth"] = {**definition["oauth"], "scopes": ["openid", "people", "jobs"]}
    source_drafts.save("hr", definition)
    server.granted = "https://hr.example/scopes/People"
    assert "but not for jobs: what needs that will be refused" in agreed(client, server)
    assert "did not get it" in page(client, "source_authorisation", "hr")


def test_revoked_there_it_is_authorised_again_here(client: Client, server: OAuthServer) -> None:
    begun(client, server)
    agreed(client, server)
    client.post(reverse("console:source_check", args=["hr"]), {"do": "save", "seen": ""})
    server.access.clear()
    server.refresh.clear()
    answer = client.post(reverse("console:source_test", args=["hr"]), follow=True)
    assert "authorise again" in answer.content.decode()
    said = page(client, "source", "hr")
    assert "Refused" in said
    assert [item.what for item in warnings()] == ["HR has to be authorised again"]
    assert "The next import reads it." in agreed(client, server, "authorise_source")
    assert warnings() == []
    said = " ".join(
        client.post(reverse("console:deauthorise_source", args=["hr"]), follow=True)
        .content.decode()
        .split()
    )
    assert "are forgotten" in said
    assert "Not authorised" in said


def key_pair() -> tuple[str, str]:
    """(private, public), in PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()


def test_a_service_account_by_its_key_file(client: Client) -> None:
    private, public = key_pair()
    account = "tenure@project.iam.gserviceaccount.com"
    whole = {"type": "service_account", "client_email": account, "private_key": private}
    form = {"name": "Google", "set-administrator": "admin@acme.example"}
    begin = reverse("console:source_from", args=["google-workspace-people"])
    # The kind leads to what the catalogue knows of it.
    answer = client.get(reverse("console:source_begin", args=["google"]))
    assert answer["Location"] == begin

    def sent(document: object, **more: str) -> str:
        file = SimpleUploadedFile("key.json", json.dumps(document).encode())
        answer = client.post(begin, {**form, **more, "keyfile": file}, follow=True)
        return " ".join(answer.content.decode().split())

    assert "This JSON file is of an OAuth client" in sent({"web": {}})
    assert "expected JSON" in sent("text")
    said = sent(whole, **{"set-service_account": "another@project.example"})
    assert f"This key is of {account}" in said
    assert "PRIVATE" not in said
    with oauth_server(api="/admin/directory/v1") as google:
        google.public_key = public
        google.answers["/admin/directory/v1/users"] = {"users": [GOOGLE_USER]}
        client.post(begin, {**form, "secret-private_key": json.dumps(whole)})
        draft = SourceDraft.objects.get(slug="google")
        definition = dict(draft.definition)
        oauth = definition["oauth"]
        assert (oauth["issuer"], oauth["private_key"]) == (account, "${box:google-private-key}")
        definition["oauth"] = {**oauth, "token_url": f"{google.url}/token"}
        definition["settings"] = {"base_url": google.url}
        source_drafts.save("google", definition)
        said = page(client, "source_mapping", "google")
        assert "Lovelace" in said
        assert "Authorisation" not in said
        assert DraftAuthorization.objects.count() == 1
        (claims,) = {form["assertion"] for form in google.forms}
        told = jwt.decode(claims, options={"verify_signature": False})
        assert (told["iss"], told["sub"]) == (account, "admin@acme.example")
        google.public_key = key_pair()[1]
        google.access.clear()
        said = page(client, "source_mapping", "google")
        assert "whether its key was deleted or replaced there" in said
    # What was told is there again, and the key is not.
    said = page(client, "source_edit", "google")
    assert account in said
    assert "PRIVATE" not in said


GOOGLE_USER = {
    "id": "1",
    "etag": "a",
    "primaryEmail": "ada@acme.example",
    "name": {"givenName": "Ada", "familyName": "Lovelace"},
    "externalIds": [{"type": "organization", "value": "0001"}],
    "suspended": False,
}


def test_a_kind_of_its_own_by_a_client(client: Client) -> None:
    begin = reverse("console:source_begin", args=["scim"])
    said = client.get(begin).content.decode()
    assert "How Tenure is let in" in said
    assert 'name="secret-token"' in said
    said = client.get(f"{begin}?by=client_credentials").content.decode()
    assert 'name="secret-token"' not in said
    assert 'name="oauth-client_id"' in said
    with oauth_server(api="/scim/v2") as server:
        form = {
            "name": "People",
            "by": "client_credentials",
            "set-base_url": f"{server.url}/scim/v2",
        }
        said = client.post(begin, form).content.decode()
        assert said.count("This is needed.") == 3
        form |= {
            "oauth-client_id": CLIENT,
            "oauth-token_url": f"{server.url}/token",
            "secret-client_secret": SECRET,
        }
        server.answers["/scim/v2/Users"] = {"totalResults": 1, "Resources": [SCIM_USER]}
        answer = client.post(begin, form, follow=True)
        said = " ".join(answer.content.decode().split())
        assert "Lovelace" in said
        kept = SourceDraft.objects.get(slug="people").definition
        assert kept["secrets"] == {}
        assert kept["oauth"]["client_secret"] == "${box:people-client-secret}"
        # By an administrator instead: the same client, and somebody has to agree.
        edit = reverse("console:source_edit", args=["people"])
        said = client.get(f"{edit}?by=authorization_code").content.decode()
        assert "/console/authorised/" in said
        form |= {"by": "authorization_code", "oauth-authorize_url": f"{server.url}/authorize"}
        said = client.post(edit, form, follow=True).content.decode()
        assert "Let Tenure read People" in said
        query = out(client, slug="people")
        server.codes["code"] = query
        assert "Lovelace" in back(client, code="code", state=query["state"])
        # And by a token again: nothing of the client is left.
        client.post(edit, {**form, "by": "token", "secret-token": "t"})
        kept = SourceDraft.objects.get(slug="people").definition
        assert (kept["oauth"], kept["secrets"]) == (None, {"token": "${box:people-token}"})
        assert not DraftAuthorization.objects.exists()


SCIM_USER = {
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
    "id": "1",
    "userName": "ada@acme.example",
    "name": {"givenName": "Ada", "familyName": "Lovelace"},
    "active": True,
}


def test_a_client_secret_that_dies(client: Client) -> None:
    """Microsoft's do: it is told ahead, and another one has another last day."""
    begin = reverse("console:source_from", args=["microsoft-365-people"])
    form = {
        "name": "Entra",
        "set-tenant": "11111111-2222-3333-4444-555555555555",
        "set-client_id": "66666666-7777-8888-9999-000000000000",
        "secret-client_secret": SECRET,
        "expires-client_secret": "soon",
    }
    assert "&#x27;soon&#x27; is no day" in client.post(begin, form).content.decode()
    day = (now() + timedelta(days=5)).date().isoformat()
    with oauth_server(api="/v1.0") as graph:
        client.post(begin, {**form, "expires-client_secret": day})
        definition = dict(SourceDraft.objects.get(slug="entra").definition)
        definition["oauth"] = {**definition["oauth"], "token_url": f"{graph.url}/token"}
        definition["settings"] = {"base_url": f"{graph.url}/v1.0"}
        source_drafts.save("entra", definition)
        said = page(client, "source_mapping", "entra")
        # The server knows the client by another name.
        assert "Check the client ID and secret" in said
        definition["oauth"] = {**definition["oauth"], "client_id": CLIENT}
        source_drafts.save("entra", definition)
        user = {"id": "1", "employeeId": "0001", "surname": "Lovelace", "accountEnabled": True}
        graph.answers["/v1.0/users"] = {"value": [user]}
        graph.answers["/v1.0/users/delta"] = {
            "value": [],
            "@odata.deltaLink": f"{graph.url}/v1.0/x",
        }
        assert "Lovelace" in page(client, "source_mapping", "entra")
    assert f'name="expires-client_secret" value="{day}"' in page(client, "source_edit", "entra")
    (told,) = credentials.warnings()
    assert told.what == "The secret entra-client-secret dies in 5 days"
