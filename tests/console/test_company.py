"""The company's forms: what they ask for is saved, what they do not ask for stays."""

from __future__ import annotations

import json
import re
from html import unescape

from django.test import Client

from tenure.people.models import Company
from tenure.signin import wallets
from tenure.vault.services import kept
from tests.console.company import Sample
from tests.wallet.wallet import certified, new_key, pem_of, public_of

PAGE = "/console/settings/"
JOINING = "/console/settings/joining/"
WALLET = "/console/settings/wallet/"


def fields(owner: Client, path: str = PAGE) -> dict[str, str]:
    """What a browser sends back of the form as it is shown."""
    page = owner.get(path).content.decode()
    return {**of_page(page), "do": "save"}


def of_page(page: str, by: str = "seen") -> dict[str, str]:
    """The form with the field `by`, as a browser would send it."""
    form = page[page.rindex("<form", 0, page.index(f'name="{by}"')) :]
    found = {
        name: unescape(value)
        for name, value in re.findall(r'<input[^>]* name="([^"]+)"[^>]*? value="([^"]*)"', form)
        if name != "required"
    }
    for name, inner in re.findall(
        r'<textarea[^>]* name="([^"]+)"[^>]*>(.*?)</textarea>', form, re.S
    ):
        found[name] = unescape(inner)
    for name, inner in re.findall(r'<select[^>]* name="([^"]+)"[^>]*>(.*?)</select>', form, re.S):
        chosen = re.search(r'<option(?: value="([^"]*)")? selected>([^<]*)', inner)
        found[name] = unescape(chosen[1] or chosen[2]) if chosen else ""
    return found


def test_each_page_saves_what_it_asks_for_and_keeps_the_rest(sample: Sample, owner: Client) -> None:
    Company.objects.update(tasks_to="it@acme.example", onboarding={"trigger": "onboarding"})
    form = fields(owner)
    form["name"] = "Acme Ltd"
    answer = owner.post(PAGE, form, follow=True)
    assert answer.redirect_chain == [(PAGE, 302)]
    assert "Saved: name." in answer.content.decode()
    row = Company.objects.get()
    assert (row.name, row.tasks_to, row.task_reminders) == ("Acme Ltd", "it@acme.example", True)
    assert row.onboarding["trigger"] == "onboarding"

    form = fields(owner, JOINING)
    assert form["trigger"] == "onboarding"
    form["networks"] = "Berlin office: 203.0.113.0/24, 2001:db8:7::/48\nHome of Bo: 192.0.2.7"
    assert owner.post(JOINING, form)["Location"] == JOINING
    assert Company.objects.get().onboarding["networks"] == {
        "Berlin office": ["203.0.113.0/24", "2001:db8:7::/48"],
        "Home of Bo": ["192.0.2.7"],
    }
    assert fields(owner, JOINING)["networks"] == form["networks"]
    # Sent once more, it says that nothing was changed.
    again = owner.post(JOINING, fields(owner, JOINING), follow=True)
    assert "Nothing was changed" in again.content.decode()


def test_what_is_wrong_is_said_beside_its_field(sample: Sample, owner: Client) -> None:
    for path, name, typed, says in (
        (JOINING, "networks", "Berlin office: 203.0.113.7/24", "has host bits set"),
        (JOINING, "networks", "Berlin office", "has no addresses"),
        (JOINING, "networks", "Berlin office: here", "does not appear to be"),
        (JOINING, "verify", "shoe", "Nobody can be asked for"),
        (PAGE, "tasks_to", "nobody", "tasks_to-error"),
        (PAGE, "colour", "green", "is not a colour"),
    ):
        answer = owner.post(path, {**fields(owner, path), name: typed})
        page = answer.content.decode()
        assert answer.status_code == 422
        assert says in unescape(page), typed
        assert f'id="{name}-error"' in page
        assert of_page(page)[name] == typed
    assert not Company.objects.get().onboarding.get("networks")


def test_who_saves_second_is_told_and_loses_nothing(sample: Sample, owner: Client) -> None:
    mine = {**fields(owner), "domain": "mine.example"}
    assert owner.post(PAGE, {**fields(owner), "domain": "theirs.example"}).status_code == 302
    answer = owner.post(PAGE, mine)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "e-mail domain" in page
    assert "theirs.example" in page
    assert "mine.example" in page
    assert Company.objects.get().domain == "theirs.example"
    looked = owner.post(PAGE, {**of_page(page), "do": "edit"})
    assert of_page(looked.content.decode())["domain"] == "mine.example"


def test_wallets_are_set_up_by_form(sample: Sample, owner: Client) -> None:
    """With a key that is made there, with one that is typed, and off again."""
    form = fields(owner, WALLET)
    form |= {
        "issuer-0-name": "Registry",
        "issuer-0-iss": "https://registry.example",
        "issuer-0-keys": "nonsense",
        "types": "urn:eudi:pid:1",
    }
    answer = owner.post(WALLET, form)
    assert answer.status_code == 422
    assert 'id="issuer-0-keys-error"' in answer.content.decode()
    form["issuer-0-keys"] = json.dumps({"keys": [public_of(new_key())]})
    assert 'id="key-error"' in owner.post(WALLET, form).content.decode()
    made = owner.post(WALLET, {**form, "do": "make"}).content.decode()
    form = {**of_page(made), "do": "save", "claim-employee_number": "employee.id"}
    assert "PRIVATE" not in form["certificate"] + form["kept"] + form["key"]
    wrong = owner.post(WALLET, {**form, "issuer-0-status_lists": "http://registry.example"})
    assert 'id="issuer-0-status_lists-error"' in wrong.content.decode()
    done = owner.post(WALLET, form, follow=True).content.decode()
    assert "Saved: wallets." in done
    assert "Wallets are asked." in done
    assert wallets.verifier().key.is_private
    section = Company.objects.get().onboarding["wallet"]
    assert section["claims"] == {"employee_number": "employee.id"}
    assert section["issuers"][0]["name"] == "Registry"

    ours, before = new_key(), len(kept())
    typed = {**fields(owner, WALLET), "key": ours.export_to_pem(True, None).decode()}
    refused = owner.post(WALLET, typed).content.decode()
    assert "not that of the first certificate" in refused
    assert typed["key"] not in refused
    # A key that is refused is not kept either.
    assert len(kept()) == before
    typed["certificate"] = pem_of(certified(ours, "localhost"))
    assert owner.post(WALLET, typed).status_code == 302
    assert wallets.verifier().key.thumbprint()
    assert len(kept()) == before + 1

    off = owner.post(WALLET, {**fields(owner, WALLET), "do": "off"}, follow=True)
    assert "Wallets are not asked any more" in off.content.decode()
    assert wallets.configured() is None
