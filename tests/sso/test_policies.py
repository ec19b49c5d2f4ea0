"""Where from and when people may go on to an application, by a browser's address and a clock; what
a refusal tells the person, and what the administrator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from tenure.applications.models import Application
from tenure.configuration.checking import check
from tenure.configuration.reading import read_text
from tenure.core.lifecycle import zone
from tenure.infra.clock import now
from tenure.people.models import Company
from tenure.sso.models import SignOn
from tests.sso.conftest import Somebody, account, application
from tests.sso.relying import RelyingParty

pytestmark = pytest.mark.django_db


@pytest.fixture
def wiki(ana: Somebody) -> RelyingParty:
    account(ana.person, application())
    return RelyingParty()


def asked(policy: dict[str, Any]) -> None:
    row = Application.objects.get()
    Application.objects.update(single_sign_on={"oidc": row.single_sign_on["oidc"], **policy})


def refused(ana: Somebody, wiki: RelyingParty) -> tuple[str, str]:
    """The cause, and what the administrator is told; ("", "") where they are let in."""
    page = wiki.asks(ana.browser)
    last = SignOn.objects.first()
    assert last is not None or page.status_code == 302
    return ("", "") if page.status_code == 302 else (last.cause, last.reason)  # type: ignore[union-attr]


def test_only_from_some_countries(
    ana: Somebody, wiki: RelyingParty, tmp_path: Path, settings: Any
) -> None:
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="Test-Country")
    writer.insert_network(IPSet(["203.0.113.0/24"]), {"country": {"iso_code": "HU"}})
    writer.insert_network(IPSet(["198.51.100.0/24"]), {"country": {"iso_code": "PE"}})
    writer.to_db_file(str(tmp_path / "countries.mmdb"))
    settings.TENURE_PLACES = str(tmp_path / "countries.mmdb")
    asked({"countries": ["HU", "AT"]})
    ana.browser.defaults["REMOTE_ADDR"] = "203.0.113.7"
    assert refused(ana, wiki) == ("", "")
    ana.browser.defaults["REMOTE_ADDR"] = "198.51.100.7"
    assert refused(ana, wiki) == ("country", "From PE (198.51.100.7).")
    page = wiki.asks(ana.browser).content
    assert b"certain countries" in page
    assert b"198.51.100.7" not in page
    # What is not known lets nobody in, unless it is the company's own network.
    ana.browser.defaults["REMOTE_ADDR"] = "192.0.2.7"
    assert refused(ana, wiki)[0] == "country"
    Company.objects.update(onboarding={"networks": {"Office": ["192.0.2.0/24"]}})
    assert refused(ana, wiki) == ("", "")
    settings.TENURE_PLACES = ""
    ana.browser.defaults["REMOTE_ADDR"] = "203.0.113.7"
    assert refused(ana, wiki)[0] == "country"


def test_only_at_some_times_of_the_person(ana: Somebody, wiki: RelyingParty) -> None:
    ana.person.time_zone = "Asia/Tokyo"
    ana.person.save()
    today = now().astimezone(zone("Asia/Tokyo")).weekday()
    days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    asked({"hours": {"days": [days[today], days[(today + 1) % 7]]}})
    assert refused(ana, wiki) == ("", "")
    asked({"hours": {"days": [days[(today + 3) % 7]]}})
    cause, reason = refused(ana, wiki)
    assert cause == "hours"
    assert "outside the allowed hours" in reason


def test_what_is_no_country_is_refused_by_the_configuration() -> None:
    text = """
applications:
  wiki:
    name: Wiki
    connector: manual
    single_sign_on:
      oidc: {redirect_uris: ["https://wiki.acme.example/callback"]}
      countries: [DE, XX]
"""
    (problem,) = check(read_text(text).document).problems
    assert "XX is no country" in problem.message
