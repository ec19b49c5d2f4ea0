"""What each role may open and send, address by address: every pattern of the console stands in the
table below with its two rules, so a new page without one fails here."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta
from html import unescape
from urllib.parse import urljoin, urlsplit

from django.test import Client
from django.urls import resolve

from tenure.notices import services as notices
from tenure.people.models import Company
from tenure.rules.models import PeopleGroup
from tenure.signin import mail_server
from tenure.signin.models import Role
from tenure.signin.permissions import Ability
from tests.console.company import Sample
from tests.console.conftest import signed_in
from tests.console.test_doors import ADDRESSES

#: For everybody who is signed in, whatever their role.
ALL = "everybody"
#: The method is not taken at all.
NO = "nobody"
#: Name -> who may open it, and who may send it a form.
RULES: dict[str, tuple[Ability | str, Ability | str]] = {
    **dict.fromkeys(
        (
            "overview", "find", "palette", "people", "export_people", "person", "proof",
            "proof_file",
            "ahead", "what_if",
            "applications", "application", "application_provisioning", "application_access",
            "application_accounts", "account", "application_entitlements", "application_licences",
            "application_runs", "application_settings", "application_new", "connection",
            "connection_live", "catalogue", "entry", "entry_single_sign_on", "entry_provisioning",
            "rules", "rule_figures", "rule_words", "who_meets", "who_gets",
            "plan", "plan_lines", "plan_under_way", "tasks", "requests", "runs", "run", "run_live",
            "sources",
            "audit", "export_audit", "export_accounts", "export_plan", "export_runs",
            "export_licences", "security", "design",
        ),
        (ALL, NO),
    ),
    **dict.fromkeys(
        (
            "save_view", "remove_view", "again", "again_options", "passkey_options", "passkey_add",
            "security_change", "codes", "appearance",
        ),
        (NO, ALL),
    ),
    "application_sso": (ALL, NO),
    "application_sso_save": (NO, Ability.CONFIGURE),
    "application_sso_secret": (NO, Ability.CONFIGURE),
    "saml": (ALL, NO),
    "saml_register": (NO, Ability.CONFIGURE),
    "saml_tell": (NO, Ability.CONFIGURE),
    "saml_act": (NO, Ability.CONFIGURE),
    "add_person": (Ability.EDIT_PEOPLE, Ability.EDIT_PEOPLE),
    "edit_person": (Ability.EDIT_PEOPLE, Ability.EDIT_PEOPLE),
    "sensitive": (Ability.SEE, Ability.SEE),
    "person_union": (Ability.MERGE, Ability.MERGE),
    "terminate": (Ability.TERMINATE, Ability.TERMINATE),
    "decide_person": (NO, Ability.SUSPEND),
    "exception": (NO, Ability.EXCEPT),
    "invite": (NO, Ability.INVITE),
    "review": (Ability.VOUCH, Ability.VOUCH),
    "matches": (ALL, NO),
    "take_back": (NO, Ability.DECIDE),
    "match": (Ability.DECIDE, Ability.DECIDE),
    "pair": (Ability.MERGE, Ability.MERGE),
    "look_for_pairs": (NO, Ability.MERGE),
    "take_account": (Ability.ACCOUNTS, Ability.ACCOUNTS),
    "decide_account": (NO, Ability.ACCOUNTS),
    "edit_application": (NO, Ability.CONFIGURE),
    "edit_mapping": (NO, Ability.CONFIGURE),
    "edit_connection": (NO, Ability.CONFIGURE),
    "preview_mapping": (NO, Ability.CONFIGURE),
    "mapping_effect": (NO, Ability.CONFIGURE),
    "application_mode": (NO, Ability.CONFIGURE),
    "remove_application": (NO, Ability.CONFIGURE),
    "application_writes": (NO, Ability.STOP),
    "connection_check": (NO, Ability.RECONCILE),
    "connection_keep": (NO, Ability.TRY),
    "reconcile": (NO, Ability.RECONCILE),
    "resume": (NO, Ability.RETRY),
    "retry": (NO, Ability.RETRY),
    "authorise": (Ability.AUTHORISE, NO),
    "authorised": (Ability.AUTHORISE, NO),
    "deauthorise": (NO, Ability.AUTHORISE),
    "authorise_source": (Ability.AUTHORISE, NO),
    "authorise_draft": (Ability.AUTHORISE, NO),
    "source_authorisation": (Ability.CONFIGURE, NO),
    "deauthorise_source": (NO, Ability.AUTHORISE),
    "rule": (Ability.CONFIGURE, Ability.CONFIGURE),
    "rule_new": (Ability.CONFIGURE, Ability.CONFIGURE),
    "rule_remove": (Ability.CONFIGURE, Ability.CONFIGURE),
    "rule_move": (NO, Ability.CONFIGURE),
    "rule_check": (NO, Ability.CONFIGURE),
    "rule_rows": (NO, Ability.CONFIGURE),
    "rule_effect": (NO, Ability.CONFIGURE),
    "add_application": (Ability.CONFIGURE, Ability.CONFIGURE),
    "apply": (NO, Ability.APPLY),
    "decide": (NO, Ability.DECIDE),
    "decide_request": (NO, Ability.EXCEPT),
    "settle_task": (NO, Ability.TASKS),
    "settle_sign_out": (NO, Ability.TASKS),
    "removed": (NO, Ability.TASKS),
    "steer_run": (NO, Ability.RUNS),
    "writes": (Ability.STOP, Ability.STOP),
    "start": (Ability.CONFIGURE, Ability.CONFIGURE),
    "start_go": (NO, Ability.APPLY),
    "start_leave": (NO, Ability.CONFIGURE),
    "sample_make": (NO, Ability.CONFIGURE),
    "sample_remove": (Ability.CONFIGURE, Ability.CONFIGURE),
    "source_new": (Ability.CONFIGURE, NO),
    "source_begin": (Ability.CONFIGURE, Ability.CONFIGURE),
    "source_from": (Ability.CONFIGURE, Ability.CONFIGURE),
    "source": (ALL, NO),
    "source_live": (ALL, NO),
    "source_changes": (ALL, NO),
    "source_whose": (Ability.CONFIGURE, Ability.CONFIGURE),
    "source_whose_check": (NO, Ability.CONFIGURE),
    "source_schedule": (Ability.CONFIGURE, Ability.CONFIGURE),
    "source_write_back": (ALL, NO),
    "source_write_back_preview": (Ability.CONFIGURE, NO),
    "source_write_back_columns": (NO, Ability.CONFIGURE),
    "source_write_back_steer": (NO, Ability.CONFIGURE),
    "source_import": (NO, Ability.CONFIGURE),
    "source_test": (NO, Ability.RECONCILE),
    "source_move": (NO, Ability.CONFIGURE),
    "source_remove": (Ability.CONFIGURE, Ability.CONFIGURE),
    "source_edit": (Ability.CONFIGURE, Ability.CONFIGURE),
    "source_mapping": (Ability.CONFIGURE, Ability.CONFIGURE),
    "source_rows": (NO, Ability.CONFIGURE),
    "source_written": (NO, Ability.CONFIGURE),
    "source_check": (Ability.CONFIGURE, Ability.CONFIGURE),
    "source_dry": (Ability.CONFIGURE, NO),
    "source_discard": (NO, Ability.CONFIGURE),
    "licences": (ALL, NO),
    "company": (ALL, Ability.CONFIGURE),
    "groups": (ALL, NO),
    "group_new": (Ability.CONFIGURE, Ability.CONFIGURE),
    "group": (ALL, Ability.CONFIGURE),
    "group_check": (NO, Ability.CONFIGURE),
    "group_effect": (NO, Ability.CONFIGURE),
    "joining": (ALL, Ability.CONFIGURE),
    "wallet": (ALL, Ability.CONFIGURE),
    "company_names": (NO, Ability.CONFIGURE),
    "attributes": (ALL, NO),
    "attribute_new": (Ability.CONFIGURE, Ability.CONFIGURE),
    "attribute": (Ability.CONFIGURE, Ability.CONFIGURE),
    "guards": (ALL, NO),
    "guard": (Ability.CONFIGURE, Ability.CONFIGURE),
    "administrators": (ALL, NO),
    "administrator": (NO, Ability.ADMINISTER),
    "tokens": (ALL, NO),
    "token": (NO, Ability.CONFIGURE),
    "mail": (ALL, Ability.ADMINISTER),
    "notifications": (ALL, Ability.CONFIGURE),
    "signals": (ALL, NO),
    "add_receiver": (NO, Ability.CONFIGURE),
    "change_receiver": (NO, Ability.CONFIGURE),
    "trust": (NO, Ability.CONFIGURE),
    "distrust": (NO, Ability.CONFIGURE),
}  # fmt: skip
#: The four roles as they are promised, by themselves: nobody's list is another's.
HELP_DESK = {
    Ability.RECONCILE, Ability.RETRY, Ability.TASKS, Ability.INVITE, Ability.SUSPEND,
}  # fmt: skip
MAY = {
    Role.OWNER: set(Ability),
    Role.ADMINISTRATOR: set(Ability) - {Ability.ADMINISTER},
    Role.HELP_DESK: HELP_DESK,
    Role.AUDITOR: set(),
}
_METHOD_REFUSED, _ROLE_REFUSED = 405, 403


def test_every_address_has_its_rules() -> None:
    assert ADDRESSES.keys() == RULES.keys()


def expected(rule: Ability | str, role: Role) -> int | None:
    """The status of a refusal; None where it goes on."""
    if rule == NO:
        return _METHOD_REFUSED
    return None if rule == ALL or rule in MAY[role] else _ROLE_REFUSED


def wrong(client: Client, role: Role) -> list[str]:
    """Where a role gets further than its rules say, or less far. Nothing is there but what the
    pages need to be shown, so that what goes on does no harm."""
    found = []
    for name, address in ADDRESSES.items():
        for method, rule in zip(("get", "post"), RULES[name], strict=True):
            status = getattr(client, method)(address).status_code
            refusal = status if status in (_METHOD_REFUSED, _ROLE_REFUSED) else None
            if refusal != expected(rule, role) or status >= 500:
                found.append(f"{role.value}: {method} {name} answered {status}")
    return found


def test_each_role_does_what_it_may_and_nothing_else(db: None) -> None:
    found = [text for role in Role for text in wrong(signed_in(role), role)]
    assert not found, "\n".join(found)


def test_decisions_about_a_person_ask_for_their_own_ability(sample: Sample) -> None:
    """One address takes several decisions: what the help desk may not decide is refused there."""

    person = sample.people[0]
    client = signed_in(Role.HELP_DESK)
    address = f"/console/people/{person.uid}/decide/"
    for decision, status in (("hold", 403), ("reinstate", 403), ("suspend", 302)):
        answer = client.post(address, {"do": decision, "reason": "x"})
        assert answer.status_code == status, decision


def test_who_may_only_read_sees_what_is_set_and_nothing_to_change_it(sample: Sample) -> None:
    notices.add(channel="webhook", address="https://hooks.example/secret-path", kinds=["held"])
    PeopleGroup.objects.create(slug="crew", name="Crew", people=["1001"])
    server = {"host": "mail.example", "port": "587", "security": "starttls", "user": "u"}
    mail_server.keep(**server, sender="", password="hid-den")
    Company.objects.update(leaver_grace=timedelta(days=17))
    pages = {
        "/console/settings/": 'value="17"',
        "/console/settings/joining/": "What people are asked for",
        "/console/settings/wallet/": "Wallets are not asked yet",
        "/console/settings/mail/": "mail.example",
        "/console/settings/notifications/": "https://hooks.example/…",
        "/console/groups/crew/": "1001",
    }
    for role in (Role.AUDITOR, Role.HELP_DESK):
        client = signed_in(role)
        for address, said in pages.items():
            page = client.get(address).content.decode()
            main = page[page.index("<main") :]
            assert said in main, address
            assert 'method="post"' not in main, address
            assert "secret-path" not in page
            assert "hid-den" not in page
    assert "secret-path" in signed_in(Role.ADMINISTRATOR).get(list(pages)[4]).content.decode()


#: So many pages of each kind are looked at: what one of them offers, the next does.
_OF_EACH = 6


def offered(client: Client) -> set[tuple[int, str]]:
    """(0 for a link, 1 for a form, its address), on every kind of page that links lead to."""
    found: set[tuple[int, str]] = set()
    waiting, seen = ["/console/"], Counter[str]()
    while waiting:
        here = waiting.pop(0)
        answer = client.get(here)
        if answer.status_code != 200 or "html" not in answer["Content-Type"]:
            continue
        page = answer.content.decode()
        links = {urljoin(here, unescape(x)) for x in re.findall(r'<a[^>]* href="([^"]+)"', page)}
        forms = re.findall(r"<form[^>]*>", page)
        sent = {form_address(here, one) for one in forms if 'method="post"' in one}
        new = {(0, link) for link in links} | {(1, form) for form in sent}
        for kind, address in sorted(new - found):
            name = named(address)
            if kind == 0 and name and seen[name] < _OF_EACH:
                seen[name] += 1
                waiting.append(address)
        found |= new
    return found


def form_address(here: str, form: str) -> str:
    action = re.search(r' action="([^"]+)"', form)
    return urljoin(here, unescape(action[1])) if action else here


def named(address: str) -> str:
    """What the page of the console is called; "" for any other."""
    parts = urlsplit(address)
    if parts.netloc or not parts.path.startswith("/console/"):
        return ""
    return resolve(parts.path).url_name or ""


def test_what_a_role_may_not_do_is_not_offered_to_it(sample: Sample) -> None:
    found = set()
    for role in Role:
        every = offered(signed_in(role))
        assert len(every) > 100
        for kind, address in every:
            name = named(address)
            if name and expected(RULES[name][kind], role) is not None:
                found.add(f"{role.value}: {('link', 'form')[kind]} {name}")
    assert not found, "\n".join(sorted(found))
