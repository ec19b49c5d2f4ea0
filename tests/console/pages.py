"""The pages of the console with their addresses, for whoever wants to open them all."""

from __future__ import annotations

from django.urls import reverse

from tenure.applications.models import Account
from tenure.people.models import Person
from tenure.sources.models import PersonPair, RehireQuestion
from tests.console.company import Sample

_ENTRY = ("entry", "entry_single_sign_on", "entry_provisioning", "add_application")


def pages_of(sample: Sample | None) -> list[tuple[str, str]]:
    """(name, path) of every page that can be opened, of lists only if there is no company."""
    names = ("overview", "find", "people", "applications", "catalogue", "rules", "plan", "runs")
    found = [(name, reverse(f"console:{name}")) for name in names]
    found += [
        (name, reverse(f"console:{name}")) for name in ("sources", "signals", "audit", "writes")
    ]
    found += [(name, reverse(f"console:{name}", args=["gitlab"])) for name in _ENTRY]
    found += [
        ("design", reverse("console:design")),
        ("security", reverse("console:security")),
        ("new rule", reverse("console:rule_new")),
        ("first steps", reverse("console:start")),
        ("first steps, people", reverse("console:start") + "?step=people"),
        ("licences", reverse("console:licences")),
        ("new source", reverse("console:source_new")),
        ("new file", reverse("console:source_begin", args=["csv"])),
        ("new directory", reverse("console:source_begin", args=["ldap"])),
        ("source from the catalogue", reverse("console:source_from", args=["tryton"])),
        ("company", reverse("console:company")),
        ("groups", reverse("console:groups")),
        ("new group", reverse("console:group_new")),
        ("joining", reverse("console:joining")),
        ("wallets", reverse("console:wallet")),
        ("attributes", reverse("console:attributes")),
        ("new attribute", reverse("console:attribute_new")),
        ("guards", reverse("console:guards")),
        ("administrators", reverse("console:administrators")),
        ("API tokens", reverse("console:tokens")),
        ("mail", reverse("console:mail")),
        ("notifications", reverse("console:notifications")),
        ("by hand", reverse("console:entry_provisioning", args=["circleci"])),
        ("in no catalogue", reverse("console:catalogue") + "?q=zzzz&can=saml"),
    ]
    if sample is None:
        return found
    anna, left = sample.people[0], sample.people[33]
    return [
        *found,
        ("nothing found", reverse("console:people") + "?q=zzzz"),
        ("found", reverse("console:find") + "?q=an"),
        ("who may be the same", reverse("console:matches")),
        ("a match", reverse("console:match", args=[RehireQuestion.objects.get().pk])),
        ("twice", reverse("console:matches") + "?part=people"),
        ("a pair", reverse("console:pair", args=[PersonPair.objects.get().pk])),
        ("person", reverse("console:person", args=[anna.uid])),
        ("who has left", reverse("console:person", args=[left.uid])),
        ("proof", reverse("console:proof", args=[left.uid])),
        ("without an address", reverse("console:person", args=[sample.people[12].uid])),
        ("what if", _what_if(anna)),
        ("ahead", reverse("console:ahead", args=[sample.people[1].uid])),
        ("asked to suspend", reverse("console:person", args=[anna.uid]) + "?ask=suspend"),
        (
            "other columns",
            reverse("console:people") + "?column=manager&column=country&problem=held",
        ),
        ("add a person", reverse("console:add_person")),
        ("sensitive values", reverse("console:sensitive", args=[anna.uid])),
        ("merge or split", reverse("console:person_union", args=[anna.uid])),
        ("terminate", reverse("console:terminate", args=[anna.uid])),
        ("application", reverse("console:application", args=["workspace"])),
        ("connection", reverse("console:connection", args=["workspace"])),
        ("by SAML", reverse("console:saml", args=["workspace"])),
        ("single sign-on", reverse("console:application_sso", args=["workspace"])),
        ("no single sign-on", reverse("console:application_sso", args=["crm"])),
        ("never tested", reverse("console:connection", args=["crm"])),
        ("asking", reverse("console:connection", args=["crm"]) + "?try=1"),
        ("provisioning", reverse("console:application_provisioning", args=["workspace"])),
        ("access", reverse("console:application_access", args=["chat"])),
        ("accounts", reverse("console:application_accounts", args=["workspace"])),
        ("account", reverse("console:account", args=["crm", _disputed(sample)])),
        ("take an account", _take(sample)),
        ("entitlements", reverse("console:application_entitlements", args=["chat"])),
        ("licences", reverse("console:application_licences", args=["workspace"])),
        ("runs of an application", reverse("console:application_runs", args=["workspace"])),
        ("settings", reverse("console:application_settings", args=["workspace"])),
        ("report only", reverse("console:application", args=["design"])),
        ("stopped application", reverse("console:application", args=["meet"])),
        ("disputed", reverse("console:application_accounts", args=["crm"]) + "?situation=disputed"),
        ("rule", reverse("console:rule", args=["designers"])),
        ("first steps, application", reverse("console:start") + "?step=application"),
        ("first steps, rule", reverse("console:start") + "?step=rule"),
        ("source", reverse("console:source", args=["hr"])),
        ("source, written back", reverse("console:source", args=["directory"])),
        ("source, pushed", reverse("console:source", args=["entra"])),
        ("import", reverse("console:source_changes", args=["hr", sample.imported.pk])),
        ("whose records", reverse("console:source_whose", args=["hr"])),
        ("schedule", reverse("console:source_schedule", args=["directory"])),
        ("written back", reverse("console:source_write_back", args=["directory"])),
        ("remove a source", reverse("console:source_remove", args=["hr"])),
        ("a guard", reverse("console:guard", args=["applications", "crm"])),
        ("remove a rule", reverse("console:rule_remove", args=["sales-tools"])),
        ("who gets it", reverse("console:who_gets", args=["crm"])),
        ("who meets it", reverse("console:who_meets") + "?when=has(user.department)"),
        ("held", reverse("console:plan") + "?application=crm"),
        ("run", reverse("console:run", args=[sample.executed.pk])),
        ("held import", reverse("console:run", args=[sample.imported.pk])),
    ]


def _disputed(sample: Sample) -> int:
    return Account.objects.filter(application=sample.applications["crm"], situation="disputed")[
        0
    ].pk


def _take(sample: Sample) -> str:
    """An account of one for another who has one there already."""
    account = Account.objects.filter(
        application=sample.applications["workspace"], person=sample.people[0]
    )
    address = reverse("console:take_account", args=["workspace", account.get().pk])
    return f"{address}?person={sample.people[1].uid}"


def _what_if(person: Person) -> str:
    address = reverse("console:what_if", args=[person.uid])
    return f"{address}?attribute=department&value=Sales"
