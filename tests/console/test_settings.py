"""Forms of the settings: what is refused is said beside its field and stays as it was typed, and
who saves second is told."""

from __future__ import annotations

from html import unescape

import pytest
from django.test import Client

from tenure.infra.secrets import KEY_VARIABLE, new_key
from tenure.notices import services as notices
from tenure.notices.models import Target
from tenure.people import services as people
from tenure.signals.models import Receiver, Status, Stream
from tenure.signin import mail_server, sending
from tenure.signin.models import Role, User
from tests.console.company import Sample
from tests.console.test_company import of_page

SETTINGS = "/console/settings/"
SIGNALS = "/console/signals/"
REFUSED = (
    (SETTINGS + "administrators/change/", {"do": "link", "name": "", "role": "auditor"}, "name"),
    (
        SETTINGS + "administrators/change/",
        {"do": "invite", "name": "Bo", "email": "bo", "role": "auditor"},
        "email",
    ),
    (SETTINGS + "mail/", {"do": "test", "to": "bo"}, "to"),
    (
        SETTINGS + "notifications/",
        {"channel": "email", "address": "bo", "kinds": "held"},
        "address",
    ),
    (SETTINGS + "notifications/", {"channel": "email", "address": "bo@acme.example"}, "kinds"),
    (SETTINGS + "attributes/new/", {"label": "", "name": "badge"}, "label"),
    (SETTINGS + "attributes/new/", {"label": "Badge", "name": "1 x"}, "name"),
    (SETTINGS + "attributes/new/", {"label": "Level", "name": "department"}, "name"),
    (SETTINGS + "guards/applications/crm/", {"removals-percent": "many"}, "removals-percent"),
    (SIGNALS + "receivers/", {"name": "?", "audience": "https://siem.example"}, "r-name"),
    (SIGNALS + "receivers/", {"name": "Bo", "subjects": "account"}, "r-application"),
    (SIGNALS + "transmitters/", {"name": "Guard", "issuer": "", "keys": "x"}, "t-issuer"),
    (SIGNALS + "transmitters/", {"name": "Guard", "issuer": "i", "keys": "http://x"}, "t-keys"),
)


def test_what_is_refused_stays_and_is_said_at_its_field(sample: Sample, owner: Client) -> None:
    for path, typed, field in REFUSED:
        answer = owner.post(path, typed)
        page = unescape(answer.content.decode())
        assert answer.status_code == 422, (path, typed)
        assert f'id="{field}-error"' in page, (path, typed)
        for name, value in typed.items():
            if name in ("name", "label", "email", "to", "address", "audience", "keys") and value:
                assert f'value="{value}"' in page, (path, name)


def test_a_receiver_takes_its_short_name_from_its_name(sample: Sample, owner: Client) -> None:
    assert owner.post(SIGNALS + "receivers/", {"name": "Our SIEM"}).status_code == 200
    assert Receiver.objects.get(slug="our-siem").name == "Our SIEM"


@pytest.mark.parametrize(
    ("path", "field", "theirs", "mine"),
    [
        ("attributes/level/", "label", "Their level", "My level"),
        ("guards/applications/crm/", "removals-percent", "7", "9"),
        ("mail/", "host", "smtp.theirs.example", "smtp.mine.example"),
    ],
)
def test_who_saves_second_is_told(
    path: str, field: str, theirs: str, mine: str, sample: Sample, owner: Client
) -> None:
    address = SETTINGS + path
    if "attributes" in path:
        made = {"label": "Level", "name": "level", "type": "string"}
        assert owner.post(SETTINGS + "attributes/new/", made).status_code == 302
    form = {**of_page(owner.get(address).content.decode()), "do": "save"}
    assert owner.post(address, {**form, field: theirs}).status_code == 302
    answer = owner.post(address, {**form, field: mine})
    page = answer.content.decode()
    assert answer.status_code == 409
    assert theirs in page
    assert mine in page
    assert of_page(owner.get(address).content.decode())[field] == theirs
    again = owner.post(address, {**of_page(page), "do": "edit"}).content.decode()
    assert of_page(again)[field] == mine
    assert owner.post(address, {**of_page(again), "do": "save"}).status_code == 302


def test_what_a_password_was_typed_for_is_tried_again_without_it(owner: Client) -> None:
    address = SETTINGS + "mail/"
    form = of_page(owner.get(address).content.decode())
    typed = {**form, "host": "smtp.acme.example", "port": "many", "password": "a mail secret"}
    refused = owner.post(address, {**typed, "do": "save"}).content.decode()
    assert "a mail secret" not in refused
    again = {**of_page(refused), "port": "587", "do": "save"}
    assert not again.get("password")
    assert owner.post(address, again).status_code == 302
    kept = mail_server.kept()
    assert kept is not None
    assert kept.password == "a mail secret"
    # For another server it is asked for: it is sent to none that it is not for, nor lost unseen.
    form = of_page(owner.get(address).content.decode())
    moved = {**form, "user": "tenure", "host": "smtp.other.example", "do": "save"}
    answer = owner.post(address, moved)
    assert answer.status_code == 422
    assert "at smtp.acme.example" in answer.content.decode()


def test_what_somebody_is_told_of_is_changed_and_who_is_second_is_told(owner: Client) -> None:
    address = SETTINGS + "notifications/"
    new = {"channel": "email", "address": "it@acme.example", "kinds": "held", "do": "add"}
    assert owner.post(address, new).status_code == 302
    assert "told already" in owner.post(address, new).content.decode()
    row = Target.objects.get()
    kinds = list(notices.words())
    form = {**of_page(owner.get(f"{address}?target={row.pk}").content.decode()), "do": "change"}
    assert owner.post(address, {**form, "kinds": kinds[:2]}).status_code == 302
    answer = owner.post(address, {**form, "kinds": kinds[-1:]})
    assert answer.status_code == 409
    row.refresh_from_db()
    assert row.kinds == kinds[:2]
    shown = owner.post(address, {**of_page(answer.content.decode()), "do": "edit"})
    again = {**of_page(shown.content.decode()), "do": "change", "kinds": kinds[-1:]}
    assert owner.post(address, again).status_code == 302
    row.refresh_from_db()
    assert row.kinds == kinds[-1:]
    waits = ["held", "import_held", "task_overdue"]
    Target.objects.update(kinds=waits, known=[*waits, "writes_stopped"])
    page = owner.get(f"{address}?target={row.pk}").content.decode()
    assert "A request for access waits for an administrator <b>new</b>" in page
    assert "New since this was chosen" in page
    assert 'value="request_waits" checked' in page
    assert 'value="leaver_account_open" checked' not in page


def test_a_role_that_somebody_else_gave_stays(owner: Client) -> None:
    address = SETTINGS + "administrators/change/"
    user = User.objects.create(name="Bo", role=Role.AUDITOR)
    sent = {"do": "role", "user": user.pk, "seen": "help_desk", "role": "administrator"}
    assert "Yours was not given" in owner.post(address, sent, follow=True).content.decode()
    owner.post(address, {**sent, "seen": "auditor"})
    user.refresh_from_db()
    assert user.role == Role.ADMINISTRATOR


def test_a_stream_that_somebody_else_has_steered_is_left_as_it_is(
    sample: Sample, owner: Client
) -> None:
    stream = Stream.objects.get()
    address = f"{SIGNALS}receivers/{stream.receiver.slug}/"
    assert f'name="seen" value="{stream.status}"' in owner.get(SIGNALS).content.decode()
    stale = next(value for value in Status.values if value != stream.status)
    answer = owner.post(address, {"do": "disabled", "seen": stale}, follow=True)
    assert "since: nothing was changed" in answer.content.decode()
    owner.post(address, {"do": "disabled", "seen": stream.status})
    stream.refresh_from_db()
    assert stream.status == "disabled"


def test_a_standard_attribute_is_kept_private(sample: Sample, owner: Client) -> None:
    phone, every = SETTINGS + "attributes/phone/", SETTINGS + "attributes/"
    assert f'href="/{phone.strip("/")}/"' in owner.get(every).content.decode()
    assert owner.get(SETTINGS + "attributes/department/").status_code == 404, (
        "people are found by it"
    )
    form = of_page(owner.get(phone).content.decode())
    assert "label" not in form
    private = {**form, "do": "save", "sensitive": "yes"}
    assert owner.post(phone, private).status_code == 302
    assert people.sensitive_attributes() == {"phone"}
    page = owner.get(every).content.decode()
    assert page.count("Kept private") == 1
    assert page.count("user.phone<") == 1, "it is none of their own"
    form = {**of_page(owner.get(phone).content.decode()), "do": "save"}
    del form["sensitive"]
    assert owner.post(phone, form).status_code == 302
    assert not people.sensitive_attributes()
    assert "phone" in people.schema()


def test_a_mail_server_that_no_key_opens_any_more_is_entered_again(
    owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Letters wait meanwhile, and are not taken for sent."""
    monkeypatch.setenv(KEY_VARIABLE, new_key())
    address = SETTINGS + "mail/"
    typed = {"host": "smtp.acme.example", "port": "587", "security": "starttls", "do": "save"}
    owner.post(address, {**of_page(owner.get(address).content.decode()), **typed})
    assert mail_server.kept() is not None
    monkeypatch.setenv(KEY_VARIABLE, new_key())
    with pytest.raises(sending.FAILURES):
        mail_server.ChosenBackend().send_messages([])
    page = owner.get(address)
    assert page.status_code == 200
    saved = owner.post(address, {**of_page(page.content.decode()), **typed})
    assert saved.status_code == 302
    found = mail_server.kept()
    assert found is not None
    assert found.host == "smtp.acme.example"
