"""Who somebody is, shown from a wallet: the whole way, and everything that is not believed."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.test import Client

from tenure.audit.models import Action, Event
from tenure.infra.clock import now
from tenure.people.models import Company, Person
from tenure.signin import invitations, qr, wallets
from tenure.signin.models import Pairing, Passkey, Review, WalletRequest
from tests.signin.authenticator import Authenticator
from tests.signin.people import digits, invited, number_of, options, person, post
from tests.wallet.wallet import (
    CLAIMS,
    ISS,
    VCT,
    Registry,
    Wallet,
    certified,
    checked,
    der_of,
    new_key,
    pem_of,
    public_of,
    scanned,
    signed,
)

pytestmark = pytest.mark.django_db
LISTS = f"{ISS}/status/"


@dataclass
class Scene:
    """A person who is invited, and whose wallet has a credential of a registry that is believed."""

    ana: Person
    path: str
    registry: Registry
    wallet: Wallet
    computer: Client

    def ask(self) -> tuple[dict[str, Any], str]:
        """The computer shows its code, the wallet fetches the request; and where it answers."""
        with mock.patch.object(qr, "svg", wraps=qr.svg) as drawn:
            assert self.computer.get(self.path + "/wallet").status_code == 200
        client_id, fetched = scanned(drawn.call_args.args[0])
        answer = Client().post(fetched, {"wallet_nonce": "n0nce", "wallet_metadata": "{}"})
        assert answer["Content-Type"] == "application/oauth-authz-req+jwt"
        request = checked(answer.content.decode(), client_id, "n0nce")
        return request, fetched.removesuffix("/request") + "/response"

    def show(self, request: dict[str, Any], **changes: Any) -> str:
        """What the wallet would answer."""
        shown = self.wallet.present(request["nonce"], request["client_id"], **changes)
        return self.wallet.answer(request, shown)

    def refused(self, response: str, place: str, why: str) -> None:
        """It is not believed, nobody is told why but the administrator, and nothing is opened."""
        answer = Client(enforce_csrf_checks=True).post(place, {"response": response})
        assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request"})
        told = Event.objects.filter(action=Action.WALLET_REFUSED).latest("pk")
        assert why in told.reason
        assert not Pairing.objects.exclude(claims_proven_at=None).exists()
        assert not Review.objects.exists()
        waiting = self.computer.get(self.path + "/wait").content.decode()
        assert "nothing that we can use" in waiting


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    registry, wallet, ours = Registry(), Wallet(), new_key()
    wallet.credential = registry.issue(wallet.key)
    (tmp_path / "key.pem").write_bytes(ours.export_to_pem(True, None))
    (tmp_path / "chain.pem").write_text(pem_of(certified(ours, "localhost")))
    ana = person()
    ana.attributes["birth_date"] = "1990-05-01"
    ana.save()
    configure(
        certificate=f"${{file:{tmp_path}/chain.pem}}",
        key=f"${{file:{tmp_path}/key.pem}}",
        issuers=[believed(registry)],
    )
    return Scene(ana, invited(ana), registry, wallet, Client())


def believed(registry: Registry, **more: Any) -> dict[str, Any]:
    own = {"keys": [public_of(registry.key)]}
    return (
        {"name": "Registry", "iss": registry.iss, "roots": "", "status_lists": [LISTS]}
        | (more or own)
        | {"keys": [] if more.get("roots") else own["keys"]}
    )


def configure(**changes: Any) -> None:
    stored = (Company.objects.get().onboarding or {}).get("wallet") or {
        "types": [VCT],
        "claims": {},
        "required": False,
        "client_id": "x509_hash",
        "scheme": "openid4vp://",
    }
    verify = ["name", "employee_number", "birth_date"]
    Company.objects.update(onboarding={"verify": verify, "wallet": {**stored, **changes}})


def go_on(scene: Scene, redirect: str) -> Client:
    """The phone opens what the wallet was told to open, and its owner taps the number."""
    phone = Client()
    path = "/" + redirect.split("/", 3)[3]
    assert "Is this your computer?" in phone.get(path).content.decode()
    panel = scene.computer.get(scene.path + "/wait").content.decode()
    assert number_of(path)["number"] in panel
    assert phone.post(path + "/confirm", number_of(path))["Location"] == "/phone/"
    return phone


def test_from_the_wallet_to_the_portal(scene: Scene) -> None:
    page = scene.computer.get(scene.path + "/code").content.decode()
    assert "Show who you are from a wallet" in page
    request, place = scene.ask()
    (query,) = request["dcql_query"]["credentials"]
    assert (query["format"], query["meta"]) == ("dc+sd-jwt", {"vct_values": [VCT]})
    # No more is asked for than what the company verifies.
    assert [claim["path"] for claim in query["claims"]] == [
        ["given_name"], ["family_name"], ["employee_number"], ["birthdate"],
    ]  # fmt: skip
    answer = Client(enforce_csrf_checks=True).post(place, {"response": scene.show(request)})
    assert answer.status_code == 200
    phone = go_on(scene, answer.json()["redirect_uri"])
    # Who they are is known; that the phone has their mailbox is not.
    assert post(phone, "/phone/options/").status_code == 422
    assert "Enter the code" in phone.get("/phone/").content.decode()
    phone.post("/phone/", {"code": digits()})
    assert "Make a passkey" in phone.get("/phone/").content.decode()
    credential = Authenticator().create(options(phone, "/phone/options/"))
    assert post(phone, "/phone/passkey/", {"credential": credential}).status_code == 200
    assert scene.computer.get(scene.path + "/wait")["HX-Redirect"] == "/portal/?welcome"
    assert Passkey.objects.get().person == scene.ana
    told = Event.objects.get(action=Action.IDENTITY_VERIFIED)
    assert told.after["wallet"] == "Registry"
    assert "1990" not in json.dumps(told.after)
    # Each address works once, and no secret of it is stored.
    again = Client().post(place, {"response": scene.show(request)})
    assert again.status_code == 400
    assert Client().get(place.replace("/response", "/request")).status_code == 404
    row = WalletRequest.objects.get()
    token = place.split("/")[2]
    assert token.encode() not in bytes(row.token_digest)


def test_what_differs_goes_to_a_person_and_nobody_is_told(scene: Scene) -> None:
    scene.wallet.credential = scene.registry.issue(
        scene.wallet.key, {**CLAIMS, "family_name": "Lo"}
    )
    request, place = scene.ask()
    answer = Client().post(place, {"response": scene.show(request)})
    # The wallet, the computer and the phone see what they see when all is right.
    assert (answer.status_code, list(answer.json())) == (200, ["redirect_uri"])
    phone = go_on(scene, answer.json()["redirect_uri"])
    phone.get("/phone/")
    letters_before = digits()
    phone.post("/phone/", {"code": letters_before})
    assert "Somebody looks at it" in phone.get("/phone/").content.decode()
    assert post(phone, "/phone/options/").status_code == 422
    review = Review.objects.get()
    assert (review.person, review.given["family_name"]) == (scene.ana, "Lo")


def test_an_answer_to_another_request(scene: Scene) -> None:
    first, _ = scene.ask()
    _, place = scene.ask()
    # Encrypted to the key of the other one.
    scene.refused(scene.show(first), place, "not encrypted to the key")


def test_a_presentation_that_was_made_for_another_request(scene: Scene) -> None:
    first, _ = scene.ask()
    kept = scene.wallet.present(first["nonce"], first["client_id"])
    second, place = scene.ask()
    scene.refused(scene.wallet.answer(second, kept), place, "another transaction (nonce)")


def test_a_presentation_that_was_made_for_somebody_else(scene: Scene) -> None:
    request, place = scene.ask()
    shown = scene.wallet.present(request["nonce"], "x509_san_dns:evil.example")
    scene.refused(scene.wallet.answer(request, shown), place, "somebody else (aud)")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"state": "another"}, "another request (state)"),
        ({"vp_token": {}}, "the one presentation"),
        ({"vp_token": {"identity": []}}, "the one presentation"),
        ({"vp_token": {"identity": ["a", "b"]}}, "the one presentation"),
        ({"vp_token": {"identity": ["a"], "more": ["b"]}}, "the one presentation"),
        ({"vp_token": {"identity": ["~"]}}, "key binding"),
        ({"vp_token": {"identity": ["a.b.c~d"]}}, "base64url"),
        ({"vp_token": {"identity": ["x" * 200_000]}}, "very long"),
    ],
)
def test_an_answer_that_is_none(changes: dict[str, Any], why: str, scene: Scene) -> None:
    request, place = scene.ask()
    scene.refused(scene.wallet.answer(request, "", **changes), place, why)


def test_what_is_no_encrypted_answer(scene: Scene) -> None:
    for response in ("", "nonsense", "a.b.c.d.e", signed({"vp_token": {}}, new_key())):
        _, place = scene.ask()
        scene.refused(response, place, "not encrypted")


@pytest.mark.parametrize(
    ("case", "why"),
    [
        ("no key binding", "no proof that its holder"),
        ("bound by another key", "signature of a kb+jwt"),
        ("not bound to any key", "EC on P-256"),
        ("less is shown than was signed", "sd_hash"),
        ("a disclosure was changed", "not signed"),
        ("a disclosure was added", "not signed"),
        ("the credential was changed", "signature of a dc+sd-jwt"),
        ("an issuer that nobody knows", "not on the list"),
        ("the name of one that is known", "signature of a dc+sd-jwt"),
        ("no issuer", "not on the list"),
        ("it has expired", "has expired"),
        ("it does not count yet", "not count yet"),
        ("another kind", "of the type 'urn:other'"),
        ("another type of token", "of the type 'jwt'"),
        ("not signed", "signature of a dc+sd-jwt"),
        ("a proof made before", "another time (iat)"),
        ("a proof made later", "another time (iat)"),
        ("another status", "unknown way"),
    ],
)
def test_a_presentation_that_proves_nothing(case: str, why: str, scene: Scene) -> None:
    request, place = scene.ask()
    wallet, registry, at = scene.wallet, scene.registry, int(time.time())
    how = (request["nonce"], request["client_id"])
    plain: dict[str, Any] = {}
    if case == "an issuer that nobody knows":
        registry = Registry(iss="https://evil.example")
    elif case == "the name of one that is known":
        registry = Registry()
    elif case == "no issuer":
        plain = {"iss": None}
    elif case == "it has expired":
        plain = {"exp": at - 300}
    elif case == "it does not count yet":
        plain = {"nbf": at + 300}
    elif case == "another kind":
        plain = {"vct": "urn:other"}
    elif case == "another status":
        plain = {"status": {"something": 1}}
    header = {"typ": "jwt"} if case == "another type of token" else {}
    holder = None if case == "not bound to any key" else wallet.key
    wallet.credential = registry.issue(holder, header=header, **plain)  # type: ignore[arg-type]
    shown = wallet.present(*how)
    parts = shown.split("~")
    if case == "no key binding":
        shown = "~".join(parts[:-1]) + "~"
    elif case == "bound by another key":
        shown = wallet.present(*how, key=new_key())
    elif case == "less is shown than was signed":
        shown = "~".join([parts[0], *parts[2:]])
    elif case == "a disclosure was changed":
        parts[1] = wallet_text(["salt", "family_name", "Lo"])
        shown = "~".join(parts)
    elif case == "a disclosure was added":
        shown = "~".join([parts[0], wallet_text(["salt", "admin", "yes"]), *parts[1:]])
    elif case == "the credential was changed":
        head, body, signature = parts[0].split(".")
        claims = {**json.loads(padded(body)), "sub": "evil"}
        shown = "~".join([f"{head}.{wallet_text(claims)}.{signature}", *parts[1:]])
    elif case == "not signed":
        _, body, _ = parts[0].split(".")
        none = wallet_text({"alg": "none", "typ": "dc+sd-jwt"})
        shown = "~".join([f"{none}.{body}.", *parts[1:]])
    elif case.startswith("a proof made"):
        proof = json.loads(padded(parts[-1].split(".")[1]))
        proof["iat"] = at - 3600 if case.endswith("before") else at + 3600
        shown = "~".join([*parts[:-1], signed(proof, wallet.key, typ="kb+jwt")])
    scene.refused(wallet.answer(request, shown), place, why)


def wallet_text(value: Any) -> str:
    from base64 import urlsafe_b64encode

    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def padded(text: str) -> bytes:
    from base64 import urlsafe_b64decode

    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@pytest.mark.parametrize(
    "chain", ["right", "another root", "another name", "none", "by another leaf"]
)
def test_an_issuer_that_an_authority_certifies(chain: str, scene: Scene) -> None:
    root, key = new_key(), scene.registry.key
    anchor = certified(root, "https://root.example", ca=True)
    configure(issuers=[believed(scene.registry, roots=pem_of(anchor), status_lists=[])])
    name = "https://other.example" if chain == "another name" else ISS
    by = new_key() if chain == "another root" else root
    leaf = certified(key, name, by=by, authority="root.example")
    x5c = [der_of(leaf)]
    if chain == "by another leaf":
        # Whoever has a certificate is no authority themselves.
        owner = new_key()
        middle = certified(owner, "https://evil.example", by=root, authority="root.example")
        leaf = certified(key, ISS, by=owner, authority="evil.example")
        x5c = [der_of(leaf), der_of(middle)]
    header = {} if chain == "none" else {"x5c": x5c}
    scene.wallet.credential = scene.registry.issue(scene.wallet.key, header=header)
    request, place = scene.ask()
    if chain == "right":
        answer = Client().post(place, {"response": scene.show(request)})
        assert answer.status_code == 200, Event.objects.latest("pk").reason
        assert Pairing.objects.get().claims_proven_at is not None
        return
    why = {"none": "no chain", "another name": "for somebody else"}.get(chain, "not certified")
    scene.refused(scene.show(request), place, why)


@pytest.mark.parametrize(
    "case", ["valid", "revoked", "not trusted", "by another key", "another list"]
)
def test_a_credential_that_was_taken_back(case: str, scene: Scene) -> None:
    uri = "https://evil.example/1" if case == "not trusted" else f"{LISTS}1"
    status = {"status_list": {"uri": uri, "idx": 3}}
    scene.wallet.credential = scene.registry.issue(scene.wallet.key, status=status)
    listed = scene.registry.status_list(
        f"{LISTS}2" if case == "another list" else uri,
        3 if case == "revoked" else 4,
        key=new_key() if case == "by another key" else None,
    )
    request, place = scene.ask()

    def fetched(asked: str) -> str:
        assert asked == uri
        return listed

    with mock.patch.object(wallets, "_fetched", fetched):
        if case == "valid":
            answer = Client().post(place, {"response": scene.show(request)})
            assert answer.status_code == 200
            return
        why = {
            "revoked": "taken the credential back",
            "not trusted": "not among its `status_lists`",
            "by another key": "signature of a statuslist+jwt",
            "another list": "another one (sub)",
        }[case]
        scene.refused(scene.show(request), place, why)


def test_a_list_that_is_not_given_is_no_permission(scene: Scene) -> None:
    for host, why in (("127.0.0.1:9", "cannot be read"), ("169.254.169.254", "no address of")):
        prefix = f"https://{host}/status/"
        configure(issuers=[believed(scene.registry, status_lists=[prefix])])
        status = {"status_list": {"uri": prefix + "1", "idx": 0}}
        scene.wallet.credential = scene.registry.issue(scene.wallet.key, status=status)
        request, place = scene.ask()
        scene.refused(scene.show(request), place, why)


def test_a_request_ends_by_time_by_withdrawal_and_by_being_declined(scene: Scene) -> None:
    request, place = scene.ask()
    WalletRequest.objects.update(expires_at=now() - timedelta(seconds=1))
    assert Client().post(place, {"response": scene.show(request)}).status_code == 400
    request, place = scene.ask()
    assert Client().post(place, {"error": "access_denied", "state": "x"}).status_code == 400
    declined = {"error": "access_denied", "state": request["state"]}
    assert Client().post(place, declined).json() == {}
    assert "nothing that we can use" in scene.computer.get(scene.path + "/wait").content.decode()
    request, place = scene.ask()
    invitations.withdraw(person=scene.ana, reason="starts later")
    assert Client().post(place, {"response": scene.show(request)}).status_code == 400
    assert Client().post("/wallet/nothing/response", {"response": "x"}).status_code == 400
    assert Client().get("/wallet/nothing/request").status_code == 404
    assert not Pairing.objects.exclude(claims_proven_at=None).exists()


def test_where_a_wallet_is_required_nothing_is_typed(scene: Scene) -> None:
    configure(required=True)
    assert scene.path + "/wallet" in scene.computer.get(scene.path).content.decode()
    phone = Client()
    from tests.signin.people import confirmed, token_of

    confirmed(phone, token_of(scene.computer, scene.path))
    phone.get("/phone/")
    phone.post("/phone/", {"code": digits()})
    assert "Use your wallet" in phone.get("/phone/").content.decode()
    answer = phone.post("/phone/", {**CLAIMS, "birth_date": "1990-05-01"})
    assert answer.status_code == 422
    assert post(phone, "/phone/options/").status_code == 422


def test_off_is_off_and_what_is_configured_wrongly_says_so(scene: Scene, tmp_path: Path) -> None:
    for changes, says in (
        ({"key": "${env:NOT_THERE}"}, "NOT_THERE"),
        ({"certificate": "nonsense"}, "not read"),
        ({"certificate": pem_of(certified(new_key(), "localhost"))}, "not that of the first"),
    ):
        before = Company.objects.get().onboarding
        configure(**changes)
        with pytest.raises(wallets.WalletUnready, match=says):
            wallets.verifier()
        page = scene.computer.get(scene.path + "/wallet").content.decode()
        assert "cannot be asked just now" in page
        Company.objects.update(onboarding=before)
    configure(client_id="x509_san_dns")
    request, _ = scene.ask()
    assert request["client_id"] == "x509_san_dns:localhost"
    Company.objects.update(onboarding={"wallet": None})
    assert "wallet" not in scene.computer.get(scene.path + "/code").content.decode()
    page = scene.computer.get(scene.path + "/wallet").content.decode()
    assert "cannot be asked just now" in page
