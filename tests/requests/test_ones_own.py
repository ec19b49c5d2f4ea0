"""What a person sees of themselves, and a manager of their people: all of it, and no more."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from tenure.applications.models import Account
from tenure.audit.models import Event
from tenure.infra.clock import now
from tenure.people.models import AttributeDefinition
from tenure.people.reporting import everybody_below, reports_to
from tenure.portal.team import coming_below, team
from tenure.provisioning.models import Operation
from tenure.signin import invitations
from tenure.signin.models import Session
from tests.requests.company import asked, changed, inside, staff, tool
from tests.signin.people import person

pytestmark = pytest.mark.django_db


def test_my_data_is_whole_and_mine() -> None:
    ana, bo, _ = staff()
    design = tool()
    AttributeDefinition.objects.create(name="salary", label="Salary", type="string", sensitive=True)
    changed(ana, attributes={**ana.attributes, "salary": "4711"}, origins={"given_name": "hr"})
    Account.objects.create(
        application=design, person=ana, remote_id="1", user_name="ana", situation="linked"
    )
    asked(ana)
    Event.objects.create(
        action="person.suspended", actor="x", person=str(ana.uid), reason="under suspicion"
    )
    client = inside(ana)
    page = client.get("/portal/data/").content.decode()
    assert "Was told: Employee number" in page
    assert "This portal" in page
    for secret in ("4711", "under suspicion"):
        assert secret not in page
    answer = client.get("/portal/data/file/")
    assert answer["Content-Disposition"].startswith("attachment; filename=")
    found = json.loads(answer.content)
    by_name = {fact["name"]: fact for fact in found["attributes"]}
    assert by_name["salary"]["value"] == "4711"
    assert by_name["given_name"]["from"] == "hr"
    assert by_name["family_name"]["from"] == "made here"
    assert found["applications"][0]["user_name"] == "ana"
    assert found["requests"][0]["reason"] == "drawing"
    assert found["sign_ins"][0]["how"] == "Passkey"
    assert {"Signed in", "Passkey added"} <= {event["what"] for event in found["trail"]}
    assert "under suspicion" not in answer.content.decode()
    assert Event.objects.filter(action="person.data_taken", person=str(ana.uid)).count() == 1
    # The passkey again, once it was used a while ago.
    Session.objects.update(passkey_at=now() - timedelta(minutes=16))
    again = client.get("/portal/data/file/")
    assert again["Location"] == "/sign-in/confirm?next=%2Fportal%2Fdata%2Ffile%2F"
    # Nothing of anybody else's, whatever is asked for.
    other = inside(bo).get(f"/portal/data/file/?uid={ana.uid}").content.decode()
    assert "4711" not in other


def test_what_is_missing_is_told_to_the_manager() -> None:
    ana, bo, _ = staff()
    design = tool()
    changed(ana, manager=None)
    today = now().date()
    newcomer = person("11", "Nia", manager=bo, start_date=today + timedelta(days=5), email="")
    leaver = person("12", "Leo", manager=bo, end_date=today + timedelta(days=9))
    person("13", "Sam", manager=bo, suspended=True)
    person("14", "Gus", manager=bo, end_date=today - timedelta(days=9))
    below = person("15", "Zoe", manager=leaver, start_date=today + timedelta(days=2))
    for who, state in ((newcomer, "planned"), (below, "failed")):
        Operation.objects.create(application=design, person=who, kind="create", state=state)
    rows = {one.person.display_name: one for one in team(bo)}
    assert list(rows) == ["Nia Li", "Leo Li", "Sam Li"]
    nia = rows["Nia Li"]
    assert nia.word == f"Starts on {newcomer.start_date:%-d %b %Y}"
    assert nia.missing == (
        "No work address yet.",
        "On the way: Design.",
        "Not invited yet.",
    )
    invitations.invite(person=newcomer, reason="")
    assert "has not opened the invitation" in team(bo)[0].missing[-1]
    assert (rows["Leo Li"].meaning, rows["Leo Li"].reports) == ("wait", 1)
    assert rows["Sam Li"].word == "Access is closed for now"
    coming = coming_below(bo)
    assert [one.person.display_name for one in coming] == ["Zoe Li", "Nia Li", "Leo Li"]
    assert coming[0].missing[0] == "IT has to do something first: Design."
    # A circle, as HR systems have them.
    changed(bo, manager=below)
    assert set(everybody_below(bo)) >= {newcomer.pk, leaver.pk, below.pk}
    assert bo.pk not in everybody_below(bo)
    assert reports_to(below, bo)
    assert not reports_to(bo, bo)
    assert not reports_to(ana, bo)
