"""The company's form: what it asks for is saved, what it does not ask for stays."""

from __future__ import annotations

import re
from html import unescape

from django.test import Client

from tenure.people.models import Company
from tests.console.company import Sample

PAGE = "/console/settings/"


def fields(owner: Client) -> dict[str, str]:
    """What a browser sends back of the form as it is shown."""
    page = owner.get(PAGE).content.decode()
    form = page[page.index('<form id="company"') :]
    found = {
        name: unescape(value)
        for name, value in re.findall(r'<input[^>]* name="([^"]+)"[^>]*? value="([^"]*)"', form)
    }
    for name, inner in re.findall(
        r'<textarea[^>]* name="([^"]+)"[^>]*>(.*?)</textarea>', form, re.S
    ):
        found[name] = unescape(inner)
    for name, inner in re.findall(r'<select[^>]* name="([^"]+)"[^>]*>(.*?)</select>', form, re.S):
        chosen = re.search(r'<option(?: value="([^"]*)")? selected>([^<]*)', inner)
        found[name] = unescape(chosen[1] or chosen[2]) if chosen else ""
    return {**found, "do": "save"}


def test_the_form_saves_what_it_asks_for_and_keeps_the_rest(sample: Sample, owner: Client) -> None:
    Company.objects.update(tasks_to="it@acme.example", onboarding={"trigger": "onboarding"})
    form = fields(owner)
    assert form["trigger"] == "onboarding"
    form["name"] = "Acme Ltd"
    form["networks"] = "Berlin office: 203.0.113.0/24, 2001:db8:7::/48\nHome of Bo: 192.0.2.7"
    assert owner.post(PAGE, form)["Location"] == PAGE
    row = Company.objects.get()
    assert (row.name, row.tasks_to, row.task_reminders) == ("Acme Ltd", "it@acme.example", True)
    assert row.onboarding["trigger"] == "onboarding"
    assert row.onboarding["networks"] == {
        "Berlin office": ["203.0.113.0/24", "2001:db8:7::/48"],
        "Home of Bo": ["192.0.2.7"],
    }
    assert fields(owner)["networks"] == form["networks"]


def test_a_network_that_is_none_is_said_beside_its_field(sample: Sample, owner: Client) -> None:
    for line, says in (
        ("Berlin office: 203.0.113.7/24", "has host bits set"),
        ("Berlin office", "has no addresses"),
        ("Berlin office: here", "does not appear to be"),
    ):
        answer = owner.post(PAGE, {**fields(owner), "networks": line})
        assert answer.status_code == 422
        assert says in answer.content.decode(), line
    assert not Company.objects.get().onboarding.get("networks")
