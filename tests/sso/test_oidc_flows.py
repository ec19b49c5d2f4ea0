"""The other ways through the provider: silence, a fresh passkey, an account that comes, devices,
programs without secrets and programs without people."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.test import Client

from tenure.applications.models import Account, Application
from tenure.infra.clock import now
from tenure.provisioning.models import Operation
from tenure.rules.models import PeopleGroup
from tenure.runs.models import Run, RunKind
from tenure.signin.models import Session
from tenure.sso.models import ApplicationSession, DeviceRequest, PendingRequest, SignOn
from tests.signin.people import options, post
from tests.sso.conftest import Somebody, account, application, oidc
from tests.sso.relying import RelyingParty, parameters

pytestmark = pytest.mark.django_db
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture
def wiki(ana: Somebody) -> RelyingParty:
    account(ana.person, application())
    return RelyingParty()


def confirm(ana: Somebody, path: str) -> str:
    """The passkey once more; where the page then goes."""
    assert path.startswith("/sign-in/confirm?")
    assert b"Confirm it is you" in ana.browser.get(path).content
    asked = options(ana.browser, "/sign-in/confirm/options")
    query = path.partition("?")[2]
    answer = post(
        ana.browser, f"/sign-in/confirm/passkey?{query}", {"credential": ana.device.get(asked)}
    )
    assert answer.status_code == 200, answer.content
    return str(answer.json()["location"])  # type: ignore[attr-defined]


def test_who_is_not_signed_in_comes_back_to_the_request(ana: Somebody, wiki: RelyingParty) -> None:
    ana.browser.post("/sign-in/out")
    # As long as some applications make it.
    door = wiki.asks(ana.browser, state="s" * 3000)["Location"]
    assert door.startswith("/sign-in/?next=%2Fsso%2Fcontinue%2F")
    assert len(door) < 100
    asked = options(ana.browser)
    query = door.partition("?")[2]
    signed = post(
        ana.browser, f"/sign-in/passkey?{query}", {"credential": ana.device.get(asked)}
    ).json()  # type: ignore[attr-defined]
    answer = ana.browser.get(signed["location"])
    assert parameters(answer)["state"] == "s" * 3000  # type: ignore[arg-type]
    got = wiki.exchange(parameters(answer)["code"])  # type: ignore[arg-type]
    assert got.status_code == 200
    # Answered once: the address leads nowhere any more.
    assert not PendingRequest.objects.exists()
    assert ana.browser.get(signed["location"]).status_code == 410


def test_silence(ana: Somebody, wiki: RelyingParty) -> None:
    assert "code" in parameters(wiki.asks(ana.browser, prompt="none"))
    assert parameters(wiki.asks(Client(), prompt="none"))["error"] == "login_required"
    hint = wiki.signs_in(ana.browser)["id_token"]
    assert "code" in parameters(wiki.asks(ana.browser, prompt="none", id_token_hint=hint))
    ben = Somebody("2", "Ben")
    account(ben.person, Application.objects.get(), remote_id="r9")
    mistaken = wiki.asks(ben.browser, prompt="none", id_token_hint=hint)
    assert parameters(mistaken)["error"] == "login_required"


def test_a_fresh_passkey_when_the_application_or_the_company_asks(
    ana: Somebody, wiki: RelyingParty
) -> None:
    Session.objects.update(passkey_at=now() - timedelta(minutes=30))
    assert "code" in parameters(wiki.asks(ana.browser, max_age="3600"))
    silent = wiki.asks(ana.browser, prompt="none", max_age="60")
    assert parameters(silent)["error"] == "login_required"
    for changes in ({"max_age": "60"}, {"prompt": "login"}, {"max_age": "0"}):
        Session.objects.update(passkey_at=now() - timedelta(minutes=30))
        back = confirm(ana, wiki.asks(ana.browser, **changes)["Location"])
        answer = ana.browser.get(back)
        got = wiki.exchange(parameters(answer)["code"]).json()  # type: ignore[arg-type, attr-defined]
        assert wiki.read(got["id_token"])["auth_time"] >= now().timestamp() - 60
    Session.objects.update(passkey_at=now() - timedelta(minutes=30))
    row = Application.objects.get()
    row.single_sign_on["passkey_within"] = "PT15M"
    row.save()
    back = confirm(ana, wiki.asks(ana.browser)["Location"])
    assert "code" in parameters(ana.browser.get(back))  # type: ignore[arg-type]
    # Whoever came in by a code has no passkey to show for it.
    Session.objects.update(passkey_at=None, passkey=None, how="recovery_code")
    del row.single_sign_on["passkey_within"]
    row.save()
    told = wiki.read(wiki.signs_in(ana.browser)["id_token"])
    assert (told["acr"], told["amr"]) == ("urn:tenure:acr:code", ["otp"])
    assert wiki.asks(ana.browser, acr_values="phr")["Location"].startswith("/sign-in/confirm?")


def test_another_passkey_confirms_nothing(ana: Somebody, wiki: RelyingParty) -> None:
    ben = Somebody("2", "Ben")
    asked = options(ana.browser, "/sign-in/confirm/options")
    answer = post(ana.browser, "/sign-in/confirm/passkey", {"credential": ben.device.get(asked)})
    assert answer.status_code == 422
    # Nor does what was signed to sign in, or nobody's browser.
    stranger = Client()
    asked = options(stranger, "/sign-in/confirm/options")
    refused = post(stranger, "/sign-in/confirm/passkey", {"credential": ana.device.get(asked)})
    assert refused.status_code == 422
    assert stranger.get("/sign-in/confirm?next=/portal/")["Location"].startswith("/sign-in/?")


def test_an_account_that_is_being_made_is_waited_for(ana: Somebody, wiki: RelyingParty) -> None:
    Account.objects.all().delete()
    run = Run.objects.create(kind=RunKind.EXECUTE)
    making = Operation.objects.create(
        application=Application.objects.get(), person=ana.person, kind="create", run=run
    )
    page = wiki.asks(ana.browser)
    assert page.status_code == 200
    assert b"is being set up for you" in page.content
    poll = page.context["poll"]  # type: ignore[attr-defined]
    assert ana.browser.get(poll).status_code == 204
    assert "HX-Redirect" not in ana.browser.get(poll)
    silent = wiki.asks(ana.browser, prompt="none")
    assert parameters(silent)["error"] == "interaction_required"
    Operation.objects.filter(pk=making.pk).update(state="manual")
    assert b"by hand" in wiki.asks(ana.browser).content
    making.delete()
    account(ana.person, Application.objects.get())
    on = ana.browser.get(poll)["HX-Redirect"]
    assert "code" in parameters(ana.browser.get(on))  # type: ignore[arg-type]
    # Nobody waits for what Tenure does not make.
    Account.objects.all().delete()
    Application.objects.update(mode="report")
    assert wiki.asks(ana.browser).status_code == 403
    assert SignOn.objects.first().cause == "account"  # type: ignore[union-attr]


def test_networks_and_missing_details(ana: Somebody, wiki: RelyingParty) -> None:
    row = Application.objects.get()
    row.single_sign_on["networks"] = ["203.0.113.0/24"]
    row.save()
    page = wiki.asks(ana.browser)
    assert page.status_code == 403
    assert b"certain networks" in page.content
    assert b"127.0.0.1" not in page.content
    row.single_sign_on["networks"] = ["127.0.0.0/8"]
    row.single_sign_on["oidc"]["claims"] = {"desk": "user.cost_center"}
    row.save()
    assert wiki.asks(ana.browser).status_code == 403
    refused = SignOn.objects.first()
    assert refused is not None
    assert refused.cause == "details"
    assert "cost_center" in refused.reason
    row.single_sign_on["oidc"]["claims"] = {
        "desk": 'has(user.cost_center) ? user.cost_center : ""',
        "employee": "user.employee_number",
        "groups": "user.groups",
    }
    PeopleGroup.objects.create(slug="field", name="Field", people=["1"])
    row.single_sign_on["oidc"]["subject"] = "user.employee_number"
    row.single_sign_on["oidc"]["id_token_signed_response_alg"] = "ES256"
    row.save()
    told = wiki.read(wiki.signs_in(ana.browser)["id_token"])
    assert (told["sub"], told["employee"], told["groups"]) == ("1", "1", ["field"])
    assert "desk" not in told


def test_an_answer_by_form(ana: Somebody, wiki: RelyingParty) -> None:
    page = wiki.asks(ana.browser, response_mode="form_post")
    assert page.status_code == 200
    assert "form-action 'self' https://wiki.acme.example;" in page["Content-Security-Policy"]
    fields = page.context["fields"]  # type: ignore[attr-defined]
    assert set(fields) == {"code", "state", "iss"}
    assert wiki.exchange(fields["code"]).status_code == 200
    # What another site posts comes without cookies: it is kept, and asked for once more.
    posted = Client().post("/oauth/authorize", {"client_id": "wiki", "response_type": "code"})
    assert posted["Location"].startswith("/sso/continue/")


def test_the_tile_begins_at_the_application(ana: Somebody, wiki: RelyingParty) -> None:
    assert b'href="/portal/launch/wiki/"' in ana.browser.get("/portal/").content
    launched = ana.browser.get("/portal/launch/wiki/")
    assert launched["Location"] == "https://wiki.acme.example/"
    row = Application.objects.get()
    row.single_sign_on["oidc"]["initiate_login_uri"] = "https://wiki.acme.example/login?x=1"
    row.save()
    assert ana.browser.get("/portal/launch/wiki/")["Location"] == (
        "https://wiki.acme.example/login?x=1&iss=http%3A%2F%2Flocalhost%3A8000"
    )
    assert Client().get("/portal/launch/wiki/")["Location"].startswith("/sign-in/?next=")


def test_a_device(ana: Somebody) -> None:
    settings = oidc("wiki", grants=["device_code", "refresh_token"])
    account(ana.person, application(oidc=settings))
    wiki = RelyingParty()
    began = wiki.post("/oauth/device_authorization", scope="openid email").json()  # type: ignore[attr-defined]
    assert began["verification_uri"] == "http://localhost:8000/device"
    poll = {"grant_type": DEVICE, "device_code": began["device_code"]}
    assert wiki.token(**poll).json()["error"] == "authorization_pending"  # type: ignore[attr-defined]
    assert wiki.token(**poll).json()["error"] == "slow_down"  # type: ignore[attr-defined]
    assert ana.browser.get("/device?user_code=BCDF-GHJK").status_code == 422
    # However it is typed.
    typed = began["user_code"].lower().replace("-", " ")
    page = ana.browser.get(f"/device?{urlencode({'user_code': typed})}")
    assert b"Sign in Wiki on a device?" in page.content
    done = ana.browser.post("/device", {"user_code": typed, "do": "allow"})
    assert b"The device is signed in" in done.content
    got = wiki.token(**poll).json()  # type: ignore[attr-defined]
    assert wiki.read(got["id_token"])["email"] == "ana@acme.example"
    assert wiki.refresh(got["refresh_token"]).status_code == 200
    assert wiki.token(**poll).json()["error"] == "invalid_grant"  # type: ignore[attr-defined]
    # Shown again it was stolen: nothing of it works.
    assert wiki.introspect(got["access_token"]) == {"active": False}
    began = wiki.post("/oauth/device_authorization", scope="openid").json()  # type: ignore[attr-defined]
    ana.browser.post("/device", {"user_code": began["user_code"], "do": "deny"})
    poll["device_code"] = began["device_code"]
    assert wiki.token(**poll).json()["error"] == "access_denied"  # type: ignore[attr-defined]
    DeviceRequest.objects.update(expires_at=now(), allowed=None)
    assert wiki.token(**poll).json()["error"] == "expired_token"  # type: ignore[attr-defined]
    assert not SignOn.objects.filter(outcome="refused").exists()


def test_programs_without_people_and_without_secrets(ana: Somebody) -> None:
    machine = oidc("robot", grants=["client_credentials"], scopes=["reports.read"])
    application("robot", oidc=machine)
    robot = RelyingParty("robot")
    got = robot.token(grant_type="client_credentials", scope="reports.read admin").json()  # type: ignore[attr-defined]
    assert (got["scope"], "refresh_token" in got, "id_token" in got) == (
        "reports.read",
        False,
        False,
    )
    assert robot.introspect(got["access_token"])["sub"] == "robot"
    assert robot.userinfo(got["access_token"]).status_code in (401, 403)
    nobody = robot.token(grant_type="client_credentials", scope="openid email").json()  # type: ignore[attr-defined]
    assert robot.userinfo(nobody["access_token"]).status_code in (401, 403)
    assert parameters(robot.asks(ana.browser))["error"] == "unauthorized_client"

    public = oidc(
        "phone",
        token_endpoint_auth_method="none",
        redirect_uris=["com.acme.phone:/callback", "http://127.0.0.1/callback"],
    )
    account(ana.person, application("phone", oidc=public))
    phone = RelyingParty("phone", secret="none")
    phone.callback = "http://127.0.0.1:53121/callback"
    code = phone.code(ana.browser)
    body = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": phone.callback,
        "client_id": "phone",
        "code_verifier": phone.verifier,
    }
    answer = Client().post("/oauth/token", body)
    assert answer.status_code == 200, answer.content
    assert answer["Access-Control-Allow-Origin"] == "*"
    for address in ("http://127.0.0.1:53121/other", "http://localhost:1/callback", "com.acme.x:/c"):
        assert phone.asks(ana.browser, redirect_uri=address).status_code == 400
    # A client with a secret is no client without one.
    account(ana.person, application(), remote_id="r8")
    wiki = RelyingParty()
    code = wiki.code(ana.browser)
    body |= {"code": code, "client_id": "wiki", "redirect_uri": wiki.callback}
    assert Client().post("/oauth/token", body).json()["error"] == "invalid_client"
    assert ApplicationSession.objects.count() == 2
