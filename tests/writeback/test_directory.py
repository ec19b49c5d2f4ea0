"""A real directory: who is entered there gets an address here, which goes into their entry."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tenure.audit.models import Action, Event
from tenure.catalogue.loading import source as entry
from tenure.people.models import Company, Person
from tenure.sources.importing import import_source
from tenure.sources.models import Source
from tenure.writeback import delivery, steering
from tenure.writeback.models import Pause, WriteBack
from tests.connectors.directories import PASSWORD, Slapd, slapd
from tests.readers.test_ldap import WITH_LOG, Tree, by_name

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with slapd(tmp_path_factory.mktemp("slapd"), overlays=WITH_LOG) as running:
        yield running


def test_addresses_go_into_the_entries(server: Slapd, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = Tree(server)
    tree.add("ada", employeeNumber=["1"], givenName=["Ada"], displayName=["Ada Byron"])
    tree.add("bea", employeeNumber=["2"], givenName=["Bea"], mail=["bea@acme.example"])
    monkeypatch.setenv("LDAP_PASSWORD", "wrong")
    Company.objects.update_or_create(
        pk=1, defaults={"domain": "acme.example", "on_rename": "change"}
    )
    usual = entry("openldap-people")
    source = Source.objects.create(
        slug="directory",
        name="Directory",
        reader="ldap",
        settings=tree.settings,
        secrets={"password": "${env:LDAP_PASSWORD}"},
        mapping=dict(usual.mapping),
        statuses=dict(usual.statuses),
        write_back={"email": "mail"},
    )
    monkeypatch.setenv("LDAP_PASSWORD", PASSWORD)
    import_source(source)
    # Bea's is the directory's own.
    assert [row.person.display_name for row in WriteBack.objects.all()] == ["Ada Byron"]
    monkeypatch.setenv("LDAP_PASSWORD", "wrong")
    assert delivery.write_due(source) == 0
    assert "invalidCredentials" in Pause.objects.get(refused=True).reason
    monkeypatch.setenv("LDAP_PASSWORD", PASSWORD)
    steering.retry(source)
    assert delivery.write_due(source) == 1
    found = by_name(tree.reader().rows())
    assert (found["ada"]["mail"], found["bea"]["mail"]) == (
        "ada.byron@acme.example",
        "bea@acme.example",
    )
    source.refresh_from_db()
    result = import_source(source)
    assert (result.whole, result.counts["rows"], result.counts["changed"]) == (False, 1, 0)

    tree.set("ada", "sn", "King")
    import_source(source)
    assert delivery.write_due(source) == 1
    assert by_name(tree.reader().rows())["ada"]["mail"] == "ada.king@acme.example"
    assert import_source(source).counts["changed"] == 0
    assert Person.objects.get(employee_number="1").origins["email"] == ""
    event = Event.objects.filter(action=Action.WRITTEN_BACK).latest("id")
    assert event.before == {"mail": "ada.byron@acme.example"}
    assert event.after == {"mail": "ada.king@acme.example"}

    tree.do("delete", tree.dn("bea"))
    tree.set("ada", "sn", "Byron")
    import_source(source)
    tree.do("delete", tree.dn("ada"))
    assert delivery.write_due(source) == 0
    assert WriteBack.objects.get(state="failed").reason == "The record is not there any more."
