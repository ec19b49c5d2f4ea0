"""A source's pages: what an import changed, its schedule, who may push, what is written back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from tenure.audit.models import Action, Event
from tenure.people.models import AttributeDefinition
from tenure.readers.memory import MemorySource, forget_all
from tenure.runs.models import Run
from tenure.scim_server.models import Scope
from tenure.scim_server.tokens import issue
from tenure.setup import looking, source_drafts
from tenure.setup.models import SourceDraft
from tenure.sources.importing import import_source
from tenure.sources.models import Source
from tenure.writeback import delivery
from tenure.writeback.models import WriteBack
from tests.sources import hr
from tests.sources.memory import live, put

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_is_there() -> Iterator[None]:
    forget_all()
    yield
    forget_all()


def page(client: Client, name: str, *arguments: object, query: str = "") -> str:
    answer = client.get(reverse(f"console:{name}", args=arguments) + query)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def send(client: Client, view: str, *arguments: object, **form: str) -> str:
    answer = client.post(reverse(f"console:{view}", args=arguments), form, follow=True)
    return " ".join(answer.content.decode().split())


def imported() -> tuple[Source, MemorySource, Run]:
    """An import that changed one, let one leave, made one and had one problem."""
    source, there = live(4)
    AttributeDefinition.objects.create(name="pay", label="Pay", type="string", sensitive=True)
    source.mapping = {**source.mapping, "pay": 'row["Pay"]'}
    source.save()
    there.put("id-1", Pay="1200")
    import_source(source)
    put(there, 1, family="Szabó")
    there.put("id-1", Pay="secret 1300")
    put(there, 2, end="2024-06-30")
    put(there, 3, start="no day")
    put(there, 5)
    return source, there, import_source(source).run


def test_an_import_is_told_person_by_person(owner: Client) -> None:
    source, _, run = imported()
    text = page(owner, "source_changes", source.slug, run.pk)
    for said in ("Given1 Szabó", "Given2 Kovács", "Given5 Kovács", "no day", "Given3 Kovács"):
        assert said in text
    assert 'from </span>Kovács</del> <ins><span class="unseen">to </span>Szabó' in text
    assert "to </span>left" in text.lower()
    assert "secret 1300" not in text
    assert "<code>Pay</code>" in text
    for kind, who in (("added", "Given5"), ("changed", "Given1"), ("left", "Given2")):
        few = page(owner, "source_changes", source.slug, run.pk, query=f"?kind={kind}")
        people = few.split('id="issues"')[0]
        assert who in people
        assert not {"Given1", "Given5"} - {who} & {w for w in ("Given1", "Given5") if w in people}
    link = reverse("console:source_changes", args=[source.slug, run.pk])
    assert link in page(owner, "source", source.slug)
    assert link in page(owner, "run", run.pk)
    other = hr.source("other")
    assert (
        owner.get(reverse("console:source_changes", args=[other.slug, run.pk])).status_code == 404
    )


def test_a_file_elsewhere_needs_none_to_be_handed_in(owner: Client) -> None:
    begin = ("source_begin", "csv")
    assert "Choose a file, or say where one is." in send(owner, *begin, name="Web")
    form = {"name": "Web", "set-url": "https://hr.acme.example/people.csv"}
    answer = owner.post(reverse("console:source_begin", args=["csv"]), form)
    assert answer.headers["Location"].endswith(reverse("console:source_mapping", args=["web"]))


def test_a_file_as_a_spreadsheet_saves_it(owner: Client) -> None:
    """Windows' letters, a title above the names, numbers that lost their zeros, a total below."""
    lines = ["Personalliste 2026;;", "Personalnr.;Vorname;Nachname"]
    lines += [f"{number:06};Jürgen;Müller" for number in range(101, 110)]
    lines += ["110;Zoë;Nagy", "Summe;;10", ""]
    file = SimpleUploadedFile("people.csv", "\r\n".join(lines).encode("cp1252"))
    at = reverse("console:source_begin", args=["csv"])
    said = owner.post(at, {"file": file}, follow=True).content.decode()
    assert "Which of these reads right?" in said
    assert "Zoë" in said
    assert "/tmp" not in said
    said = send(owner, "source_written", "csv-file", encoding="cp1252")
    assert "The names of the columns seem to be in line 2." in said
    said = send(owner, "source_written", "csv-file", header="2")
    assert "seem to be in line" not in said
    assert "<code>000110</code>" in said
    form = {"column-0": "employee_number", "column-1": "given_name", "column-2": "family_name"}
    said = send(owner, "source_mapping", "csv-file", **form, do="zeros")
    assert "The name has no letter: this is no person." in said
    kept = SourceDraft.objects.get(slug="csv-file").definition
    assert kept["settings"] == {"encoding": "cp1252", "header": 2}
    assert "000000" in kept["mapping"]["employee_number"]
    assert len(looking.mapped(source_drafts.as_source("csv-file", kept), limit=50)) == 10


def test_a_script_may_send_people_before_anybody_was_sent(owner: Client) -> None:
    send(owner, "source_begin", "upload", name="Script")
    source = Source.objects.get(slug="script")
    assert source.mapping["given_name"] == 'row["name.given"]'
    answer = owner.get(reverse("console:source_mapping", args=["script"]))
    assert "Nothing was uploaded yet" in answer.content.decode()


def test_an_hr_system_is_added_from_the_catalogue(owner: Client) -> None:
    assert reverse("console:source_from", args=["personio"]) in page(owner, "source_new")
    assert "long password" in page(owner, "source_from", "tryton")
    gusto = page(owner, "source_from", "gusto")
    assert "tenure source add" not in gusto
    assert "Reads jobs, hire dates and terminations." in gusto
    assert owner.get(reverse("console:source_from", args=["nothing"])).status_code == 404
    typed = {"name": "HR", "set-url": "https://tryton.acme.example", "set-database": "hr"}
    said = send(owner, "source_from", "tryton", **typed)
    assert "Not kept." in said
    assert 'value="https://tryton.acme.example"' in said
    form = {**typed, "set-user": "tenure", "secret-password": "not in the page"}
    answer = owner.post(reverse("console:source_from", args=["tryton"]), form)
    assert answer.headers["Location"].endswith(reverse("console:source_mapping", args=["hr"]))
    kept = SourceDraft.objects.get(slug="hr").definition
    assert (kept["catalogue"], kept["reader"]) == ("tryton", "rest")
    assert kept["settings"]["database"] == "hr"
    assert kept["secrets"] == {"password": "${box:hr-password}"}
    assert kept["mapping"]["manager"] == 'row["Supervisor"]'
    # It is changed by the same form, and not by one that wants a specification.
    kept["settings"]["database"] = "hr2"
    SourceDraft.objects.update(definition=kept)
    again = page(owner, "source_edit", "hr")
    assert 'value="hr2"' in again
    assert "not in the page" not in again


SPECIFICATION = """\
name: Intranet HR
settings: {url: {title: Where it is, kind: url}, realm: {title: Realm}}
secrets: {key: {title: Key of the interface}}
base_url: "{settings.url}"
auth: {kind: header, headers: {X-Key: "{secrets.key}"}}
people:
  id: id
  list: {request: GET /people, items: data}
columns: {Number: number, Name: name}
"""


def test_a_specification_asks_for_its_own_settings_and_secrets(owner: Client) -> None:
    assert 'name="secret-key"' not in page(owner, "source_begin", "rest")
    first = {"name": "HR", "asked": "spec spec_file allow_http timeouts columns"}
    said = send(owner, "source_begin", "rest", **first)
    assert "Give the specification" in said
    said = send(owner, "source_begin", "rest", **first, **{"set-spec": "name: [Intranet"})
    assert "This is no YAML: expected" in said
    assert "in line 1, column 16" in said
    wrong = SPECIFICATION.replace("kind: header", "kind: hat")
    assert "auth" in send(owner, "source_begin", "rest", **first, **{"set-spec": wrong})
    said = send(owner, "source_begin", "rest", **first, **{"set-spec": SPECIFICATION})
    assert "The specification was read." in said
    assert "Not kept." not in said
    assert "This is needed" not in said
    for one in ("Where it is", "Realm", "Key of the interface"):
        assert one in said
    assert not SourceDraft.objects.exists()

    asked = said.split('name="asked" value="')[1].split('"')[0]
    # As a browser sends it back.
    again = owner.post(
        reverse("console:source_begin", args=["rest"]), {**first, "set-spec": SPECIFICATION}
    ).content.decode()
    shown = unescape(again.split('id="set-spec"')[1].split(">", 1)[1].split("</textarea>")[0])
    form = {"name": "HR", "asked": asked, "set-spec": shown, "set-realm": "acme"}
    form["set-url"] = "https://hr.acme.example"
    said = send(owner, "source_begin", "rest", **form)
    assert "This is needed." in said
    form["secret-key"] = "not in the page"
    answer = owner.post(reverse("console:source_begin", args=["rest"]), form)
    assert answer.headers["Location"].endswith(reverse("console:source_mapping", args=["hr"]))
    kept = SourceDraft.objects.get(slug="hr").definition
    assert kept["settings"]["realm"] == "acme"
    assert kept["secrets"] == {"key": "${box:hr-key}"}
    again = page(owner, "source_edit", "hr")
    assert 'value="acme"' in again
    assert "Kept: ${box:hr-key}" in again
    assert "not in the page" not in again


def test_when_a_source_is_imported(owner: Client) -> None:
    source, _ = live(1)
    text = page(owner, "source_schedule", source.slug)
    seen = text.split('name="seen" value="')[1].split('"')[0]
    form = {"minutes": "15", "cron": "0 6 * * 1-5", "hours": "12"}
    for wrong, said in (
        ({"how": "every", "minutes": "soon"}, "no number of minutes"),
        ({"how": "every", "minutes": "0.5"}, "Less than a minute"),
        ({"how": "cron", "cron": "often"}, "no schedule as cron has them"),
    ):
        assert said in send(owner, "source_schedule", "hr", seen=seen, **{**form, **wrong})
    send(owner, "source_schedule", "hr", seen=seen, how="every", **form)
    source.refresh_from_db()
    assert (source.schedule, source.full_every) == ({"every": 900}, timedelta(hours=12))
    assert "every 15 minutes" in page(owner, "source", source.slug)
    assert "meanwhile" in send(owner, "source_schedule", "hr", seen=seen, how="hand", **form)
    for how, kept in (
        ("cron", {"cron": "0 6 * * 1-5"}),
        ("continuous", {"continuous": True}),
        ("hand", {}),
    ):
        text = page(owner, "source_schedule", source.slug)
        seen = text.split('name="seen" value="')[1].split('"')[0]
        send(owner, "source_schedule", "hr", seen=seen, how=how, **form)
        source.refresh_from_db()
        assert source.schedule == kept
    pushed = hr.source("entra", reader="push")
    assert owner.get(reverse("console:source_schedule", args=[pushed.slug])).status_code == 404


def test_who_may_push(owner: Client) -> None:
    source = hr.source("entra", reader="push")
    assert "Nobody yet" in page(owner, "source", source.slug)
    token = issue("entra", name="Entra provisioning", scope=Scope.READ)
    text = page(owner, "source", source.slug)
    assert "Entra provisioning" in text
    assert "may only read" in text
    assert "/scim/v2" in text
    assert token not in text


def test_what_is_written_back(owner: Client) -> None:
    source, there = live(25)
    import_source(source)
    text = page(owner, "source_write_back", "hr")
    seen = text.split('name="seen" value="')[1].split('"')[0]
    assert "read as status" in send(
        owner, "source_write_back_columns", "hr", seen=seen, email="Status"
    )
    send(owner, "source_write_back_columns", "hr", seen=seen, email="E-mail")
    source.refresh_from_db()
    assert source.write_back == {"email": "E-mail"}
    assert "Write into 25 records" in page(owner, "source_write_back_preview", "hr")
    assert "Say why" in send(owner, "source_write_back_steer", "hr", do="all")
    assert not WriteBack.objects.exists()
    send(owner, "source_write_back_steer", "hr", do="all", reason="agreed with HR")
    there.broken.add("id-2")
    delivery.write_due(source)
    text = page(owner, "source_write_back", "hr", query="?state=failed")
    assert "The record id-2 is broken." in text
    assert "given2.kovacs@acme.example" in text
    assert 'write-back/?state=failed">1</a>' in page(owner, "source", "hr")
    assert "tried now" in send(owner, "source_write_back_steer", "hr", do="retry")
    WriteBack.objects.filter(state="waiting").update(state="held", reason="too many")
    assert "too many" in page(owner, "source_write_back", "hr")
    assert "1 record is forgotten" in send(
        owner, "source_write_back_steer", "hr", do="reject", reason="no"
    )
    assert Event.objects.filter(action=Action.WRITE_BACK_REJECTED, reason="no").exists()
    csv = hr.source("file")
    assert "takes nothing back" in page(owner, "source_write_back", csv.slug)
