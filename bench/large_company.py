"""A company of 100,000 people and a million accounts in 20 applications, straight in the tables:
what it is. What happened to it is in `large_history`, where its people come from in
`large_sources`.

Everything is told by a person's number alone, so that it is the same each time it is built.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.db import connection

from bench import large_sources, names
from bench.filling import fill, indexed_afterwards
from tenure.applications.connecting import managed_attributes
from tenure.applications.models import Account, Application, Entitlement
from tenure.infra.clock import now
from tenure.people.models import AttributeDefinition, Company, Person, PersonUnion, ReservedName
from tenure.provisioning.reconciliation import correlating
from tenure.rules.models import AccessException, AccessRule, PeopleGroup

APPLICATIONS = 20
#: Of them everybody has an account; in the others a sixth of the people.
FOR_ALL = 8
GROUPS = 8
_TITLES = ("Specialist", "Manager", "Engineer", "Analyst", "Lead", "Associate")
_PLACES = (
    ("Budapest", "Europe/Budapest"),
    ("Madrid", "Europe/Madrid"),
    ("Taipei", "Asia/Taipei"),
    ("Cork", "Europe/Dublin"),
    ("Chicago", "America/Chicago"),
)


@dataclass(frozen=True, slots=True)
class Size:
    """How large it is; everything else follows."""

    people: int = 100_000
    operations: int = 300_000
    events: int = 1_000_000


def build(size: Size) -> None:
    """Into empty tables."""
    from bench import large_history

    Company.objects.update_or_create(
        pk=1, defaults={"name": "Acme", "domain": "acme.example", "plan_mode": "review"}
    )
    AttributeDefinition.objects.create(name="level", label="Level", type="string")
    with indexed_afterwards(Person):
        _people(size.people)
    _applications()
    _rules()
    with indexed_afterwards(Account):
        _accounts()
    large_sources.build()
    _decided()
    large_history.build(size)
    large_sources.write_file()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def _people(count: int) -> None:
    """A tree of managers, each with eight people; one in twelve has left, one in a hundred is to
    come, one in eight is a contractor without a last day."""
    fill(
        Person,
        f"""
        (SELECT n, {_pick(names.GIVEN)} AS given,
            {_pick(names.FAMILY, "n / 7")} || {_pick(names.ENDINGS, "n / 31")} AS family,
            {_pick(names.DEPARTMENTS)} AS department, {_pick(_TITLES, "n / 3")} AS title,
            {_pick([place for place, _ in _PLACES])} AS place,
            {_pick([zone for _, zone in _PLACES])} AS zone,
            CASE WHEN n % 12 = 7 AND n > 5000 THEN 'left' WHEN n % 100 = 9 THEN 'upcoming'
                WHEN n % 100 = 13 THEN 'on_leave' WHEN n % 1000 = 17 THEN 'suspended'
                WHEN n % 1000 = 21 THEN 'leaving' ELSE 'active' END AS state
         FROM generate_series(1, {count}) AS n) AS found
        CROSS JOIN LATERAL (SELECT
            'E' || lpad(n::text, 6, '0') AS number,
            lower(given || '.' || family) || n || '@acme.example' AS email,
            current_date + CASE WHEN state = 'upcoming' THEN 1 + n / 100 % 60
                ELSE -(100 + n % 3000) END AS begins,
            current_date + CASE WHEN state = 'left' THEN -(5 + n % 90)
                WHEN state = 'leaving' THEN -1 WHEN n % 8 = 3 THEN NULL
                WHEN n % 500 = 31 THEN 1 + n % 13 ELSE 365 + n % 900 END AS ends) AS told
        """,
        id="n",
        uid=_uid("person"),
        employee_number="number",
        display_name="given || ' ' || family",
        email="email",
        attributes="""jsonb_strip_nulls(jsonb_build_object('employee_number', number,
            'given_name', given, 'family_name', family, 'display_name', given || ' ' || family,
            'email', email, 'user_name', lower(given) || n, 'title', title,
            'department', department, 'location', place, 'country', 'HU', 'time_zone', zone,
            'cost_center', 'C' || n % 300,
            'employment_type', CASE WHEN n % 8 = 3 THEN 'contractor' ELSE 'employee' END,
            'manager', CASE WHEN n > 1 THEN 'E' || lpad((n / 8 + 1)::text, 6, '0') END,
            'start_date', begins::text, 'end_date', ends::text))""",
        # A few were entered by hand.
        origins="""CASE WHEN n % 500 = 499 THEN '{}' ELSE jsonb_build_object('given_name', 'hr',
            'family_name', 'hr', 'title', 'directory', 'department', 'hr', 'email', '') END""",
        manager_id="CASE WHEN n > 1 THEN n / 8 + 1 END",
        state="state",
        state_since="now() - interval '40 days'",
        start_date="begins",
        end_date="ends",
        time_zone="zone",
        on_leave="state = 'on_leave'",
        suspended="state = 'suspended'",
        terminated_at="CASE WHEN n % 240 = 7 AND state = 'left' THEN now() - interval '9 days' END",
        planned_generation="1",
        next_look_at="CASE WHEN state = 'upcoming' THEN begins END",
    )
    fill(
        ReservedName,
        "people_person CROSS JOIN (VALUES ('email'), ('user_name')) AS kinds (kind)",
        kind="kind",
        value="attributes ->> kind",
        person_id="id",
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE people_person")


def _applications() -> None:
    """All of them live, with groups and a licence that costs something; one is stopped. What not
    everybody has may be asked for."""
    mapping = {
        "userName": "user.email",
        "name.givenName": "user.given_name",
        "name.familyName": "user.family_name",
        "displayName": "user.display_name",
        "emails.work": "user.email",
        "title": 'has(user.title) ? user.title : ""',
    }
    at = now()
    rows = Application.objects.bulk_create(
        Application(
            slug=f"app{number}",
            name=f"Application {number}",
            connector="scim",
            settings={"base_url": f"https://app{number}.acme.example/scim/v2"},
            secrets={"token": "${env:BENCH_TOKEN}"},
            mapping=[{"attribute": k, "expression": v} for k, v in mapping.items()],
            matching=[{"account": "userName", "person": "email"}],
            mode="live",
            owner="anna" if number % 2 else "",
            requestable={"approver": "manager"} if number >= FOR_ALL else {},
            single_sign_on={"oidc": {"redirect_uris": ["https://app.acme.example/back"]}}
            if number < 3
            else {},
            seat_price=Decimal("7.25"),
            seat_currency="EUR",
            position=number,
            reconciled_at=at - timedelta(minutes=number),
            taken_over_at=at - timedelta(days=100),
        )
        for number in range(APPLICATIONS)
    )
    for row in rows:
        row.correlated_by = correlating.digest(row)
        row.read_attributes = sorted(managed_attributes(row))
    Application.objects.bulk_update(rows, ["correlated_by", "read_attributes"])
    stopped = rows[-1]
    stopped.health, stopped.stopped_at = "stopped", at - timedelta(hours=1)
    stopped.stopped_reason = "GET /Users answered 401: the token is not accepted."
    stopped.save()
    Entitlement.objects.bulk_create(
        Entitlement(
            application=row,
            kind=kind,
            name=name,
            key=f"{kind}:{name}",
            remote_id=f"{row.slug}-{name}",
            price=Decimal("5") if kind == "licence" else None,
            currency="EUR" if kind == "licence" else "",
            seats=90_000 if kind == "licence" else None,
        )
        for row in rows
        for kind, name in [
            *(("group", f"g{number}") for number in range(GROUPS)),
            ("licence", "standard"),
        ]
    )


def _rules() -> None:
    everything = {f"app{number}": ["licence:standard"] for number in range(FOR_ALL)}
    AccessRule.objects.create(
        slug="everyone", name="Everyone", condition='user.employee_number != ""', gives=everything
    )
    AccessRule.objects.bulk_create(
        AccessRule(
            slug=f"rule{number}",
            name=f"Rule {number}",
            condition=f'user.department == "{names.DEPARTMENTS[number % 20]}"'
            f' && user.location in ["{_PLACES[number % 5][0]}", "Madrid"]',
            gives={f"app{FOR_ALL + number % 12}": [f"group:g{number % GROUPS}"]},
            position=number + 1,
        )
        for number in range(40)
    )
    PeopleGroup.objects.bulk_create(
        PeopleGroup(
            slug=f"group{number}",
            name=f"Group {number}",
            condition=f'user.department == "{names.DEPARTMENTS[number]}"',
            position=number,
        )
        for number in range(5)
    )


def _accounts() -> None:
    """Ten for each person, open unless they have left; and those that are nobody's, somebody's who
    is not tied, or could be several people's."""
    fill(
        Account,
        f"""
        people_person AS p CROSS JOIN LATERAL (
            SELECT a.id AS app, a.position AS k FROM applications_application AS a
            WHERE a.position < {FOR_ALL}
                OR a.position = {FOR_ALL} + p.id % 6 OR a.position = {FOR_ALL + 6} + p.id % 6
        ) AS its
        CROSS JOIN LATERAL (SELECT p.state = 'left' AS gone,
            p.state = 'left' AND p.id % 36 = 7 AS deleted) AS told
        """,
        application_id="app",
        person_id="p.id",
        remote_id="'r' || p.id",
        user_name="p.email",
        situation="CASE WHEN deleted THEN 'deleted' ELSE 'linked' END",
        active="NOT gone",
        attributes="""jsonb_build_object('userName', p.email, 'displayName', p.display_name,
            'name.givenName', p.attributes ->> 'given_name',
            'name.familyName', p.attributes ->> 'family_name',
            'title', p.attributes ->> 'title', 'emails.work', p.email)""",
        entitlements=f"""jsonb_build_array(
            'group:g' || (p.id + k) % {GROUPS}, 'licence:standard')""",
        situation_reason="'userName = email'",
        evidence="""CASE WHEN gone THEN jsonb_build_object('at', now(), 'sent', 'PATCH /Users',
            'answered', 200, 'read_back', 200) END""",
        created_at="now() - interval '90 days'",
        observed_at="now() - interval '9 minutes'",
        disabled_at="CASE WHEN gone THEN now() - interval '5 days' END",
        deleted_at="CASE WHEN deleted THEN now() - interval '2 days' END",
    )
    for situation, many in (("unmatched", 3000), ("unlinked", 600), ("disputed", 200)):
        fill(
            Account,
            f"""generate_series(1, {many}) AS n JOIN applications_application AS a
                ON a.position = n % {APPLICATIONS}""",
            application_id="a.id",
            remote_id=f"'{situation}-' || n",
            user_name=f"'{situation}.' || n || '@acme.example'",
            situation=f"'{situation}'",
            active="true",
            attributes="jsonb_build_object('displayName', 'Somebody ' || n)",
            candidates="jsonb_build_array(n::text, (n + 1)::text)"
            if situation == "disputed"
            else "jsonb_build_array(n::text)"
            if situation == "unlinked"
            else "'[]'::jsonb",
            observed_at="now() - interval '9 minutes'",
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE applications_account")


def _decided() -> None:
    """Exceptions and merges."""
    fill(
        AccessException,
        "people_person WHERE id % 40 = 1",
        person_id="id",
        application=f"'app' || {FOR_ALL} + id / 40 % 12",
        gives="id % 3 <> 0",
        reason="'Ticket ' || id",
        decided_by="'anna'",
        until="CASE WHEN id % 2 = 0 THEN now() + interval '60 days' END",
        ended_at="CASE WHEN id % 5 = 1 THEN now() - interval '9 days' END",
    )
    fill(
        PersonUnion,
        "people_person WHERE id % 200 = 3",
        kind="CASE WHEN id % 400 = 3 THEN 'merged' ELSE 'split' END",
        person_id="id",
        other_uid="md5('other' || id)::uuid",
        other_name="display_name",
        other_number="'X' || id",
        before="""jsonb_build_object(
            'person', jsonb_build_object('fields', jsonb_build_object('attributes', attributes)),
            'other', jsonb_build_object('fields', jsonb_build_object('attributes', attributes)))""",
        reason="'The same passport.'",
        done_by="'anna'",
        done_at="now() - interval '20 days'",
    )


def _pick(words: Sequence[str], by: str = "n") -> str:
    """One of them, in turn."""
    listed = ", ".join(f"'{word}'" for word in words)
    return f"(ARRAY[{listed}])[1 + ({by}) % {len(words)}]"


def _uid(kind: str) -> str:
    return f"md5('{kind}' || n)::uuid"
