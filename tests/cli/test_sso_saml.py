"""`tenure sso metadata` and `tenure sso saml`: ours, theirs, and what they are told."""

from __future__ import annotations

from pathlib import Path

from lxml import etree

from tenure.applications.models import Application
from tenure.people.models import Person
from tests.cli.conftest import Tenure
from tests.provisioning.company import Company
from tests.saml.application import Application as Provider
from tests.saml.application import pair


def test_registered_by_a_file_and_told(company: Company, tenure: Tenure, tmp_path: Path) -> None:
    company.person("1", given_name="Ana", family_name="Li")
    ours = tmp_path / "ours.xml"
    assert tenure("sso", "metadata", "--to", ours).code == 0
    told = tenure("sso", "metadata", "--json").document
    root = etree.fromstring(ours.read_bytes())
    assert root.get("entityID") == told["entity_id"]
    assert told["certificates"][0]["signs_now"] is True

    app, theirs = Provider(), tmp_path / "theirs.xml"
    theirs.write_bytes(app.metadata(encryption=pair("encrypt")))
    done = tenure("sso", "saml", "register", "chat", "--metadata", theirs, "--json")
    assert done.code == 0, done.err
    assert done.document["acs"] == [app.acs]
    stored = Application.objects.get(slug="chat").single_sign_on["saml"]
    assert stored["entity_id"] == app.entity_id
    assert stored["attributes"]["email"] == {"value": "user.email"}

    person = Person.objects.get()
    said = tenure("sso", "saml", "told", "chat", "1", "--json").document
    assert said["name_id"] == person.email
    assert said["attributes"]["email"] == [person.email]
    assert said["xml"].startswith("<samlp:Response")
    assert "NameID" in tenure("sso", "saml", "told", "chat", "1").out
    assert app.entity_id in tenure("sso", "saml", "told", "chat", "1", "--xml").out

    # Exported and applied again it is the same.
    document = tmp_path / "tenure.yaml"
    document.write_text(tenure("config", "export").out)
    assert tenure("config", "apply", document).code == 0
    assert Application.objects.get(slug="chat").single_sign_on["saml"] == stored


def test_what_is_wrong(company: Company, tenure: Tenure, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<html/>")
    for arguments, words in (
        (["--metadata", page], "no SAML metadata"),
        (["--metadata", tmp_path / "none"], "cannot be read"),
        (["--address", "http://wiki.acme.example/m"], "use https"),
        ([], "one of the two"),
    ):
        done = tenure("sso", "saml", "register", "chat", *arguments)
        assert done.code == 1
        assert words in done.err
    assert tenure("sso", "saml", "told", "chat", "1").code == 1
    assert "no address" in tenure("sso", "saml", "refresh", "chat").err
    assert tenure("sso", "saml", "refresh").code == 0
    assert Application.objects.get(slug="chat").single_sign_on == {}
