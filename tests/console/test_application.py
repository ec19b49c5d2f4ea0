"""An application in the console: its forms write what the configuration document would, the second
of two editors is told, its mapping is shown on a person, and accounts are decided about."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client

from tenure.applications.models import Account, AccountTally, Application
from tenure.applications.tallies import put_together, tallies
from tenure.audit.models import Action, Event
from tenure.core.guard import guard_from
from tenure.core.model import Situation
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.rules.models import AccessRule
from tests.console.company import Sample
from tests.console.test_lists import text

BASE = "/console/applications/workspace"


def form_of(page: str, name: str) -> dict[str, str]:
    """The fields of one form of the page, as a browser would send them."""
    forms = re.findall(r"<form[^>]*>.*?</form>", page, flags=re.DOTALL)
    part = next(x for x in forms if f'name="form" value="{name}"' in x)
    found = dict(re.findall(r'<input[^>]*name="([^"]+)" value="([^"]*)"', part))
    found |= dict(re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>([^<]*)</textarea>', part))
    for field, options in re.findall(
        r'<select[^>]*name="([^"]+)".*?>(.*?)</select>', part, re.DOTALL
    ):
        whole = re.findall(r'<option(?: value="([^"]*)")?( selected)?>([^<]*)', options)
        chosen = next((one for one in whole if one[1]), whole[0])
        found[field] = chosen[0] or ("" if 'value=""' in options else chosen[2])
    return {name: _plain(value) for name, value in found.items()}


def _plain(text: str) -> str:
    for entity, sign in (("&quot;", '"'), ("&#x27;", "'"), ("&lt;", "<"), ("&gt;", ">")):
        text = text.replace(entity, sign)
    return text.replace("&amp;", "&")


def test_a_form_that_is_sent_as_it_came_changes_nothing(sample: Sample, owner: Client) -> None:
    page = text(owner, f"{BASE}/provisioning/")
    for name in ("policy", "reconcile", "limits", "matching"):
        answer = owner.post(f"{BASE}/edit/", form_of(page, name), follow=True)
        assert "Nothing was to be changed" in answer.content.decode(), name
    settings = text(owner, f"{BASE}/settings/")
    for name in ("general", "requests"):
        answer = owner.post(f"{BASE}/edit/", form_of(settings, name), follow=True)
        assert "Nothing was to be changed" in answer.content.decode(), name
    assert not Event.objects.filter(action=Action.CONFIGURATION_CHANGED).exists()


def test_policy_limits_and_matching_are_kept(sample: Sample, owner: Client) -> None:
    page = text(owner, f"{BASE}/provisioning/")
    policy = form_of(page, "policy") | {"removal.delete_after": "14", "leave": "free", "lead": "7"}
    limits = form_of(page, "limits") | {"guard.removals.percent": "5.5", "limits.writes": "20"}
    matching = form_of(page, "matching") | {
        "matching": "externalId = uid\nuserName = email (exact)",
        "ignore": 'account.userName.startsWith("svc-")',
    }
    for form in (policy, limits, matching):
        assert "Saved." in owner.post(f"{BASE}/edit/", form, follow=True).content.decode()
    row = Application.objects.get(slug="workspace")
    assert (row.delete_after.days, row.leave, row.lead.days) == (14, "free", 7)  # type: ignore[union-attr]
    assert row.guard["removals"]["percent"] == 5.5
    assert row.limits == {"writes": 20.0}
    assert [pair["case"] for pair in row.matching] == ["fold", "exact"]
    assert row.ignore == ['account.userName.startsWith("svc-")']


def test_how_often_it_is_read_is_shown_with_when_it_is_next_and_kept(
    sample: Sample, owner: Client
) -> None:
    workspace = Application.objects.filter(slug="workspace")
    workspace.update(reconciled_at=now(), reconcile_every=timedelta(hours=36))
    page = text(owner, f"{BASE}/provisioning/")
    assert '<option value="PT36H" selected>' not in page
    assert '<option value="P1DT12H" selected>Every 1 d 12 h</option>' in page
    # As it came: what was written in the configuration stays.
    answer = owner.post(f"{BASE}/edit/", form_of(page, "reconcile"), follow=True)
    assert "Nothing was to be changed" in answer.content.decode()
    given = form_of(page, "reconcile") | {"reconcile_every": "PT6H", "orphans": "disable"}
    assert "Saved." in owner.post(f"{BASE}/edit/", given, follow=True).content.decode()
    row = workspace.get()
    assert (row.reconcile_every, row.orphans) == (timedelta(hours=6), "disable")
    assert "every 6 h" in text(owner, f"{BASE}/")
    given["reconcile_every"] = "PT1M"
    given["base"] = form_of(text(owner, f"{BASE}/provisioning/"), "reconcile")["base"]
    refused = owner.post(f"{BASE}/edit/", given)
    assert (refused.status_code, "too often" in refused.content.decode()) == (422, True)
    given["reconcile_every"] = "never"
    owner.post(f"{BASE}/edit/", given)
    assert workspace.get().reconcile_every is None
    assert "not again by itself" in text(owner, f"{BASE}/")
    assert "only when asked" in text(owner, "/console/applications/")


def test_an_application_that_was_not_read_for_long_waits_for_somebody(
    sample: Sample, owner: Client
) -> None:
    workspace = Application.objects.filter(slug="workspace")
    workspace.update(reconciled_at=now() - timedelta(days=29), reconcile_every=None)
    assert "was last read" not in text(owner, "/console/")
    workspace.update(reconciled_at=now() - timedelta(days=31))
    page = text(owner, "/console/")
    assert "It is read only when somebody asks for it." in page
    assert f"{BASE}/provisioning/#reconcile" in page


def test_a_limit_that_nobody_set_is_shown_and_changing_a_part_keeps_the_rest(
    sample: Sample, owner: Client
) -> None:
    workspace = Application.objects.filter(slug="workspace")
    workspace.update(guard={})

    def saved(**typed: str) -> dict[str, dict[str, float]]:
        limits = form_of(text(owner, f"{BASE}/provisioning/"), "limits")
        owner.post(f"{BASE}/edit/", limits | {k.replace("_", "."): v for k, v in typed.items()})
        return workspace.get().guard

    shown = form_of(text(owner, f"{BASE}/provisioning/"), "limits")
    assert (shown["guard.removals.percent"], shown["guard.removals.most"]) == ("10", "500")
    assert saved(limits_writes="21") == {}
    kept = saved(guard_removals_percent="20")
    assert kept.keys() == {"removals"}
    assert guard_from(kept).removals.allowed(10_000) == 500
    assert guard_from(saved(guard_removals_most="")).removals.allowed(10_000) == 2_000


def test_what_is_wrong_is_said_at_its_field_and_nothing_is_kept(
    sample: Sample, owner: Client
) -> None:
    page = text(owner, f"{BASE}/provisioning/")
    for form, said in (
        (form_of(page, "policy") | {"removal.delete_after": "soon"}, "is not a length of time"),
        (form_of(page, "limits") | {"guard.removals.percent": "many"}, "many"),
        (form_of(page, "matching") | {"ignore": "account."}, "Nothing was kept"),
    ):
        answer = owner.post(f"{BASE}/edit/", form)
        assert answer.status_code == 422
        assert said in answer.content.decode()
    assert not Event.objects.filter(action=Action.CONFIGURATION_CHANGED).exists()


def test_the_second_of_two_editors_is_told(sample: Sample, owner: Client) -> None:
    mine = form_of(text(owner, f"{BASE}/provisioning/"), "policy")
    other = form_of(text(owner, f"{BASE}/provisioning/"), "limits")
    owner.post(f"{BASE}/edit/", mine | {"removal.delete_after": "7"})
    # Another part of the application: both changes stay.
    owner.post(f"{BASE}/edit/", other | {"limits.reads": "5"})
    row = Application.objects.get(slug="workspace")
    assert (row.delete_after.days, row.limits) == (7, {"reads": 5.0})  # type: ignore[union-attr]
    # The same part: told, and nothing is overwritten.
    answer = owner.post(f"{BASE}/edit/", mine | {"removal.delete_after": "90"})
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "was changed while you wrote" in page
    assert "Both changed it" in page
    row.refresh_from_db()
    assert row.delete_after.days == 7  # type: ignore[union-attr]


def test_a_plan_says_what_accounts_were_never_read_with(sample: Sample, owner: Client) -> None:
    Application.objects.filter(slug="chat").update(read_attributes=["externalId", "userName"])
    Application.objects.filter(slug="workspace").update(read_attributes=None)
    page = text(owner, "/console/plan/?now=1")
    assert re.search(r"<b>\w+ has to be read\.</b> Its accounts were never read with \w+", page)
    assert "What its accounts were last read with is not known." in page
    one = text(owner, "/console/plan/?now=1&application=workspace")
    assert one.count("has to be read.") == 1


def test_a_first_look_counts_each_account_once(sample: Sample, owner: Client) -> None:
    base = {"application": Application.objects.get(slug="design"), "user_name": "x"}
    for number, situation in enumerate(["unmatched", "disputed", "ignored", "ignored"]):
        Account.objects.create(remote_id=f"r{number}", situation=situation, **base)
    page = text(owner, "/console/applications/design/provisioning/")
    found = page[page.index("counters look") :].partition("</dl>")[0]
    numbers = [int(n) for n in re.findall(r"<dd>(?:<a[^>]*>)?(\d+)", found)]
    assert re.findall(r"<dt>([^<]*)", found)[-1] == "To create"
    assert numbers[0] == sum(numbers[1:5]) == 4


def test_a_mapping_is_shown_on_a_person_and_kept(sample: Sample, owner: Client) -> None:
    person = sample.people[0]
    lines = {
        "attribute": ["userName", "title", "nickName"],
        "expression": ["user.email", "user.titel", "lower(user.given_name)"],
        "when": ["create", "always", "always"],
    }
    shown = owner.post(f"{BASE}/mapping/preview/", lines | {"person": "10482"}).content.decode()
    assert "anna.kovacs@acme.example" in shown
    assert '<td>anna <span class="small quiet">what it is there was not read yet' in shown
    assert "titel" in shown
    assert f"/people/{person.uid}/" in shown
    base = form_of(text(owner, f"{BASE}/provisioning/"), "policy")["base"]
    refused = owner.post(f"{BASE}/mapping/", lines | {"base": base})
    assert refused.status_code == 422
    assert "titel" in refused.content.decode()
    wrong = owner.post(f"{BASE}/mapping/", lines | {"base": base, "do": "review"})
    assert (wrong.status_code, "titel" in wrong.content.decode()) == (422, True)
    lines["expression"][1] = "user.title"
    looked = owner.post(f"{BASE}/mapping/", lines | {"base": base, "do": "review"}).content.decode()
    assert "Nothing is saved yet" in looked
    there = Account.objects.filter(application__slug="workspace", situation="linked")
    here = there.filter(person__isnull=False).exclude(person__state__in=["leaving", "left"])
    assert f"{here.count()} × <code>nickName" in looked
    assert "nickName" not in str(Application.objects.get(slug="workspace").mapping)
    carried = re.findall(r'name="expression" value="([^"]*)"', looked)
    assert carried == lines["expression"]
    again = owner.post(f"{BASE}/mapping/", lines | {"base": base, "do": "edit"})
    assert (again.status_code, "lower(user.given_name)" in again.content.decode()) == (200, True)
    saved = owner.post(f"{BASE}/mapping/", lines | {"base": base, "do": "save"})
    assert saved.status_code == 302
    row = Application.objects.get(slug="workspace")
    assert [item["attribute"] for item in row.mapping] == lines["attribute"]
    assert row.mapping[0]["when"] == "create"


def test_from_only_report_to_live_and_back(sample: Sample, owner: Client) -> None:
    page = text(owner, "/console/applications/design/")
    assert "It only reports" in page
    owner.post("/console/applications/design/mode/", {"mode": "live"})
    assert Application.objects.get(slug="design").mode == "live"
    owner.post("/console/applications/design/mode/", {"mode": "report"})
    owner.post("/console/applications/design/mode/", {"mode": "nonsense"})
    assert Application.objects.get(slug="design").mode == "report"


def test_an_account_is_tied_ignored_and_protected(sample: Sample, owner: Client) -> None:
    account = Account.objects.filter(situation=Situation.DISPUTED).latest("pk")
    page = f"/console/applications/crm/accounts/{account.pk}/"

    def do(what: str, **more: str) -> str:
        form = {"do": what, "reason": "asked them", **more}
        return str(owner.post(f"{page}decide/", form, follow=True).content.decode())

    heir = Person.objects.get(pk=sample.people[26].pk)
    assert "say why" in do("ignore", reason=" ")
    assert "Nobody has" in do("link", person="nobody@nowhere")
    assert f"It is {heir.display_name}&#x27;s" in do("link", person=str(heir.uid))
    assert "nobody&#x27;s now" in do("unlink")
    assert "left alone" in do("ignore")
    assert "like any other" in do("release")
    assert "never changed" in do("protect")
    account.refresh_from_db()
    assert account.protected == "asked them"
    assert "asked them" in text(owner, page)


def test_only_what_never_had_an_account_is_removed(sample: Sample, owner: Client) -> None:
    def remove(slug: str, name: str) -> str:
        page = text(owner, f"/console/applications/{slug}/settings/")
        version = re.search(r'name="version" value="([^"]*)"', page)
        form = {"name": name, "version": version[1] if version else ""}
        answer = owner.post(f"/console/applications/{slug}/remove/", form, follow=True)
        return str(answer.content.decode())

    assert "is removed" not in remove("workspace", "workspace")
    assert Application.objects.filter(slug="workspace").exists()
    Application.objects.create(slug="spare", name="Spare", connector="scim")
    assert "type spare to confirm" in remove("spare", "Spare")
    needs = Application.objects.get(slug="workspace")
    Application.objects.filter(pk=needs.pk).update(requires=["spare"])
    rule = AccessRule.objects.create(slug="s", name="Some", condition="true", gives={"spare": []})
    refused = remove("spare", "spare")
    assert "The access rule Some gives it." in refused
    assert f"{needs.name} needs an account here first." in refused
    assert "/console/rules/s/" in refused
    assert "Type spare to confirm" not in refused
    Application.objects.filter(pk=needs.pk).update(requires=[])
    rule.delete()
    assert "Spare is removed" in remove("spare", "spare")


@pytest.mark.django_db
def test_tallies_are_what_counting_says(sample: Sample) -> None:
    def counted() -> dict[tuple[int, str, bool], int]:
        found: dict[tuple[int, str, bool], int] = {}
        for pk, situation, active in Account.objects.values_list(
            "application_id", "situation", "active"
        ):
            key = (pk, situation, active is not False)
            found[key] = found.get(key, 0) + 1
        return found

    def told() -> dict[tuple[int, str, bool], int]:
        return {(t.application, t.situation.value, t.open): t.count for t in tallies()}

    assert told() == counted()
    Account.objects.filter(situation="linked", application__slug="chat").update(active=False)
    Account.objects.filter(situation="unmatched").delete()
    assert told() == counted()
    put_together()
    assert told() == counted()
    assert AccountTally.objects.filter(held="").count() == len(counted())


def test_whether_it_may_be_asked_for(sample: Sample, owner: Client) -> None:
    base = "/console/applications/desk"
    form = form_of(text(owner, f"{base}/settings/"), "requests")
    asked = form | {
        "requestable.approver": "named",
        "requestable.named": "10482\n10483",
        "requestable.longest": "14",
        "requestable.entitlements": "role:agent",
    }
    answer = owner.post(f"{base}/edit/", asked)
    assert (answer.status_code, answer["Location"]) == (302, f"{base}/settings/#requests")
    stored = Application.objects.get(slug="desk").requestable
    assert stored["named"] == ["10482", "10483"]
    assert (stored["longest"], stored["answer_within"]) == ("P14D", "P7D")
    form = form_of(text(owner, f"{base}/settings/"), "requests")
    wrong = owner.post(f"{base}/edit/", form | {"requestable.approver": "owner"})
    assert wrong.status_code == 422
    assert b"needs the employee numbers" in wrong.content
    none = owner.post(f"{base}/edit/", form | {"requestable.approver": ""})
    assert none.status_code == 302
    assert Application.objects.get(slug="desk").requestable == {}


def test_what_an_account_held_that_is_gone_is_said_in_words(sample: Sample, owner: Client) -> None:
    gone = Account.objects.get(application__slug="crm", situation="deleted")
    told = "othing now; it held groups everyone and sales, licence Full when it was deleted"
    base = "/console/applications/crm/accounts/"
    for path in (base, f"{base}{gone.pk}/", f"/console/people/{sample.people[0].uid}/"):
        assert told in text(owner, path), path
    export = owner.get(f"{base}export/?situation=deleted")
    assert told in b"".join(export.streaming_content).decode()  # type: ignore[attr-defined]
