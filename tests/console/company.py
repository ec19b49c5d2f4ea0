"""A company to look at: people of many scripts, applications in every condition, operations in
every state, runs, imports and a trail. Deterministic but for the time, which is given."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random

from tenure.applications.models import (
    Account,
    Application,
    ConnectionCheck,
    Entitlement,
    Health,
)
from tenure.audit.models import Action, Event
from tenure.audit.services import Entry, acting, event
from tenure.core.model import OperationState, Situation
from tenure.infra.bulk import insert_instances
from tenure.people.models import Company, Person
from tenure.people.services import restand
from tenure.provisioning.models import Operation
from tenure.rules.models import AccessRule
from tenure.runs.models import Run, RunIssue, RunKind, RunState, Severity
from tenure.signals import listening, receivers
from tenure.signals.models import Delivery, Heard, Stream
from tenure.sources.models import PersonPair, RehireQuestion, Source, SourceRecord
from tests.console.other_sources import other_sources

_NAMES = [
    ("Anna", "Kovács"), ("Jorge", "Ortiz"), ("Mei-Ling", "王"), ("Tomás", "Ó Briain"),
    ("Łukasz", "Wójcik"), ("Søren", "Kjærgaard"), ("Ólafur", "Þórsson"), ("Žofie", "Nováková"),
    ("Дмитрий", "Соколов"), ("Ελένη", "Παπαδοπούλου"), ("小林", "陽菜"), ("محمد", "الحسن"),
    ("Nguyễn", "Thị Hương"), ("Aoife", "O’Connor"), ("Jean-Baptiste", "Lefèvre"),
    ("İbrahim", "Yıldız"), ("Ana", "Conceição"), ("Priya", "Raghunathan"), ("Kwame", "Mensah"),
    ("Zoë", "van der Meer"), ("Maximilian", "Großmann"), ("Ingrid", "Ødegård"),
    ("김", "서연"), ("Siobhán", "Ní Dhomhnaill"), ("Chukwuemeka", "Okonkwo"), ("Léa", "Dubois"),
]  # fmt: skip
_WORK = [
    ("Support", ["Support agent", "Support lead"]),
    ("Sales", ["Account executive", "Sales manager"]),
    ("Engineering", ["Software engineer", "Site reliability engineer"]),
    ("Finance", ["Accountant", "Controller"]),
    ("People", ["Recruiter", "HR partner"]),
]
_PLACES = [
    ("Budapest", "Europe/Budapest"), ("Madrid", "Europe/Madrid"), ("Taipei", "Asia/Taipei"),
    ("Cork", "Europe/Dublin"), ("Wrocław", "Europe/Warsaw"), ("São Paulo", "America/Sao_Paulo"),
]  # fmt: skip
_MAPPING = [
    {"attribute": "userName", "expression": "user.email", "when": "create"},
    {"attribute": "displayName", "expression": "user.display_name", "when": "always"},
    {"attribute": "name.givenName", "expression": "user.given_name", "when": "always"},
    {"attribute": "name.familyName", "expression": "user.family_name", "when": "always"},
    {"attribute": "title", "expression": 'has(user.title) ? user.title : ""', "when": "always"},
    {"attribute": "emails.work", "expression": "user.email", "when": "always"},
]


@dataclass(frozen=True, slots=True)
class Sample:
    """What was made, for those who test with it."""

    people: list[Person]
    applications: dict[str, Application]
    source: Source
    executed: Run
    imported: Run


def make_company(now: datetime, *, people: int = 84) -> Sample:
    """Fill an empty database, as it would be at `now`."""
    today = now.date()
    Company.objects.update_or_create(
        pk=1,
        defaults={"name": "Acme", "domain": "acme.example", "time_zone": "Europe/Budapest"},
    )
    source = _source()
    persons = _people(people, today, now)
    applications = _applications(now)
    _rules()
    _accounts(persons, applications, now)
    with acting("administrator anna"):
        imported = _import(source, persons, now)
        executed = _operations(persons, applications, now)
        _reconciles(applications, now)
        _tested(applications["workspace"], now)
        _signals(persons, now)
    _trail(persons, imported, now)
    other_sources(persons, now)
    return Sample(persons, applications, source, executed, imported)


def _source() -> Source:
    return Source.objects.create(
        slug="hr",
        name="BambooHR",
        reader="csv",
        settings={"path": "people.csv"},
        mapping={"employee_number": 'row["Employee #"]'},
        absence="leave",
        guard={"leavers": {"percent": 3, "floor": 2}},
    )


def _people(count: int, today: date, now: datetime) -> list[Person]:
    random = Random(7)
    rows = []
    for i in range(count):
        given, family = _NAMES[i % len(_NAMES)]
        if i >= len(_NAMES):
            given = _NAMES[(i * 7 + i // len(_NAMES)) % len(_NAMES)][0]
        department, titles = _WORK[i % len(_WORK)]
        place, zone = _PLACES[(i // 2) % len(_PLACES)]
        start = today - timedelta(days=random.randint(40, 3000))
        rows.append(_person(i, given, family, department, titles[i % 2], place, zone, start))
    for offset, i in enumerate((2, 10, 11, 26, 27, 28, 29)):
        rows[i].start_date = today + timedelta(days=(0, 3, 6, 6, 6, 6, 10)[offset] + 1)
    for offset, i in enumerate((1, 30, 31)):
        rows[i].end_date = today + timedelta(days=(3, 6, 11)[offset])
    rows[32].end_date = today - timedelta(days=4)
    rows[33].terminated_at = now - timedelta(days=1)
    rows[33].termination_reason = "resignation"
    rows[4].on_leave = True
    rows[5].suspended = True
    rows[12].email, rows[34].email = "", ""
    restand(rows, now)
    for row in rows:
        row.planned_generation = 1
    insert_instances(rows, numbered=True)
    boss = rows[3]
    Person.objects.filter(pk__in=[r.pk for r in rows[:9] if r is not boss]).update(manager=boss)
    return rows


def _person(
    i: int, given: str, family: str, department: str, title: str, place: str, zone: str, start: date
) -> Person:
    plain = f"{given}.{family}".lower().replace(" ", "").replace("’", "")
    email = f"{plain if plain.isascii() else f'person{i}'}{i if i > 25 else ''}@acme.example"
    if i == 0:
        email = "anna.kovacs@acme.example"
    attributes = {
        "employee_number": str(10482 + i),
        "given_name": given,
        "family_name": family,
        "display_name": f"{given} {family}",
        "email": email,
        "title": title,
        "department": department,
        "location": place,
        "time_zone": zone,
        "start_date": start.isoformat(),
    }
    origins = {name: "hr" for name in attributes if name not in ("email", "display_name")}
    return Person(
        uid=uuid.UUID(int=(0xA11CE << 96) + i, version=4),
        employee_number=str(10482 + i),
        display_name=f"{given} {family}",
        email=email,
        attributes=attributes,
        origins=origins,
        start_date=start,
        time_zone=zone,
    )


def _applications(now: datetime) -> dict[str, Application]:
    made = {}
    for position, (slug, name, colour, price, mode) in enumerate(
        (
            ("workspace", "Google Workspace", "#2563a8", "11.50", "live"),
            ("chat", "Slack", "#9a3f8c", "7.25", "live"),
            ("desk", "Zendesk", "#0f766e", "55", "live"),
            ("crm", "Salesforce", "oklch(0.52 0.12 40)", "75", "live"),
            ("meet", "Zoom", "", "13.33", "live"),
            ("design", "Figma", "", None, "report"),
        )
    ):
        made[slug] = Application.objects.create(
            slug=slug,
            name=name,
            connector="scim",
            colour=colour,
            position=position,
            mode=mode,
            settings={"base_url": f"https://{slug}.acme.example/scim/v2", "page_size": 100},
            secrets={"token": f"${{env:{slug.upper()}_TOKEN}}"},
            mapping=_MAPPING,
            matching=[{"account": "userName", "person": "email"}],
            seat_price=Decimal(price) if price else None,
            seat_currency="EUR" if price else "",
            guard={"removals": {"percent": 3, "floor": 2}},
            delete_after=timedelta(days=30),
            reconciled_at=now - timedelta(minutes=7 * position + 1),
            read_attributes=[*(item["attribute"] for item in _MAPPING), "userName", "externalId"],
        )
    Application.objects.filter(slug="meet").update(
        health=Health.STOPPED,
        stopped_reason="GET /Users answered 401: the token is not accepted. Make a new one in "
        "Zoom's marketplace and set MEET_TOKEN.",
        stopped_at=now - timedelta(minutes=32),
        probe_at=now + timedelta(minutes=4),
        probes=4,
    )
    for slug, kind, name, money in (
        ("chat", "group", "all staff", None),
        ("chat", "group", "support", None),
        ("chat", "group", "sales", None),
        ("desk", "role", "agent", None),
        ("workspace", "licence", "Vault", "5.00"),
    ):
        Entitlement.objects.create(
            application=made[slug],
            kind=kind,
            name=name,
            key=f"{kind}:{name}",
            remote_id=uuid.uuid5(uuid.NAMESPACE_URL, name).hex[:8],
            price=Decimal(money) if money else None,
            currency="EUR" if money else "",
            seats=50 if money else None,
        )
    return made


def _rules() -> None:
    for position, (slug, name, condition, gives, description) in enumerate(
        (
            ("everyone", "Everyone", 'user.employee_number != ""',
             {"workspace": [], "chat": ["group:all staff"]}, "Mail and chat for all"),
            ("support-desk", "Support desk", 'user.department == "Support"',
             {"desk": ["role:agent"], "chat": ["group:support"]}, ""),
            ("sales-tools", "Sales tools", 'user.department == "Sales"',
             {"crm": [], "meet": [], "chat": ["group:sales"]}, ""),
            ("designers", "Design",
             'user.department == "Engineering" && user.location in ["Taipei", "Cork"]',
             {"design": []}, "Until the trial ends"),
        )
    ):  # fmt: skip
        AccessRule.objects.create(
            slug=slug,
            name=name,
            condition=condition,
            gives=gives,
            description=description,
            position=position,
        )


def _accounts(people: list[Person], apps: dict[str, Application], now: datetime) -> None:
    rows = []
    for i, person in enumerate(people):
        if person.state == "upcoming" or not person.email:
            continue
        for slug in _due(person):
            groups = ["group:all staff"] if slug == "chat" else []
            if slug == "chat" and person.attributes["department"] == "Support":
                groups.append("group:support")
            if slug == "workspace" and i % 5 == 0:
                groups.append("licence:Vault")
            if slug == "desk":
                groups.append("role:agent")
            rows.append(_account(apps[slug], person, groups, now, i))
    for name in ("a-kovacs", "akovacs2"):
        rows.append(
            Account(
                application=apps["crm"],
                remote_id=name,
                user_name=name,
                situation=Situation.DISPUTED,
                active=True,
                candidates=[str(people[0].pk), str(people[26].pk)],
                attributes={"displayName": "A. Kovács"},
                observed_at=now - timedelta(minutes=22),
            )
        )
    for name in ("build-bot", "old.contractor", "test7", "shared-inbox"):
        rows.append(
            Account(
                application=apps["workspace"],
                remote_id=name,
                user_name=f"{name}@acme.example",
                situation=Situation.UNMATCHED,
                active=True,
                attributes={"displayName": name},
                observed_at=now - timedelta(minutes=1),
            )
        )
    gone = people[0]
    rows.append(
        Account(
            application=apps["crm"],
            person=gone,
            remote_id="crm-0",
            user_name=gone.email,
            situation=Situation.DELETED,
            entitlements=["group:everyone", "group:sales", "licence:Full"],
            active=False,
            deleted_at=now - timedelta(minutes=3),
            observed_at=now - timedelta(minutes=3),
            evidence={"at": now.isoformat(), "answered": 204, "read_back": 404},
        )
    )
    insert_instances(rows)


def _due(person: Person) -> list[str]:
    slugs = ["workspace", "chat"]
    department = person.attributes["department"]
    slugs += {"Support": ["desk"], "Sales": ["crm", "meet"]}.get(department, [])
    return slugs


def _account(app: Application, person: Person, groups: list[str], now: datetime, i: int) -> Account:
    left = person.state in ("left", "leaving")
    return Account(
        application=app,
        person=person,
        remote_id=f"{app.slug}-{i}",
        user_name=person.email,
        situation=Situation.LINKED,
        active=not left,
        disabled_at=now - timedelta(days=1) if left else None,
        attributes={
            "userName": person.email,
            "displayName": person.display_name,
            "name.givenName": person.attributes["given_name"],
            "name.familyName": person.attributes["family_name"],
            "title": person.attributes["title"],
            "emails.work": person.email,
        },
        entitlements=sorted(groups),
        observed_at=app.reconciled_at,
    )


def _import(source: Source, people: list[Person], now: datetime) -> Run:
    run = Run.objects.create(
        kind=RunKind.IMPORT,
        subject=source.slug,
        state=RunState.HELD,
        actor="administrator anna",
        started_at=now - timedelta(seconds=42),
        touched_at=now - timedelta(seconds=40),
        finished_at=now - timedelta(seconds=40),
        total=len(people) + 4,
        done=len(people) + 4,
        counters={
            "rows": len(people) + 4, "added": 7, "changed": 3, "unchanged": len(people) - 10,
            "errors": 3, "warnings": 2, "held": 9,
        },
        message="9 leavers in BambooHR: 10.7 % of 84, and at most 2 are allowed within 24 hours "
        "(guard: 3 %, never under 2).",
    )  # fmt: skip
    RehireQuestion.objects.create(
        source=source,
        key="20977",
        candidates=[people[32].pk],
        row={
            "attributes": {
                "employee_number": "20977",
                "given_name": people[32].attributes["given_name"],
                "family_name": people[32].attributes["family_name"],
                "department": "Support",
                "start_date": (now.date() + timedelta(days=5)).isoformat(),
            }
        },
    )
    PersonPair.objects.create(
        one=people[0],
        other=people[26],
        found_by="given_name and family_name and birth_date",
        rank=4,
        unsure_by="administrator anna",
        unsure_why="HR is asked: one of them may be her sister.",
    )
    insert_instances(
        [
            SourceRecord(
                source=source,
                key=person.employee_number or "",
                digest=b"0" * 16,
                person=person,
                line=i + 2,
            )
            for i, person in enumerate(people)
        ]
    )
    RunIssue.objects.bulk_create(
        RunIssue(run=run, severity=severity, line=line, key=key, message=message)
        for severity, line, key, message in (
            (Severity.ERROR, 17, "10498", "Start date “31.02.2026” is no day. Dates are read as "
             "2026-12-31 or 31.12.2026: correct the cell or add its form to `dates`."),
            (Severity.ERROR, 41, "10482", "Employee number 10482 is on line 2 already. The first "
             "one counts; correct one of them."),
            (Severity.ERROR, 63, "", "There is no employee number in this row, so nobody can be "
             "found by it. Fill in the column `Employee #`."),
            (Severity.WARNING, 14, "10494", "No corporate e-mail: the name has no letters that "
             "an address could be made of. Give a `preferred_name` or an e-mail."),
            (Severity.WARNING, 36, "10516", "The manager 99999 is nobody's employee number."),
        )
    )  # fmt: skip
    return run


def _operations(people: list[Person], apps: dict[str, Application], now: datetime) -> Run:
    done = [p for p in people[35:84] if p.email]
    run = Run.objects.create(
        kind=RunKind.EXECUTE,
        state=RunState.RUNNING,
        actor="administrator anna",
        reason="Monday's joiners",
        started_at=now - timedelta(seconds=21),
        touched_at=now,
        total=64,
        done=46,
        counters={"create": 40, "disable": 12, "update": 12},
    )
    rows = [_operation(run, apps["chat"], p, "update", OperationState.DONE, now) for p in done[:40]]
    rows += [
        _operation(run, apps["workspace"], p, "update", OperationState.PLANNED, now)
        for p in done[:10]
    ]
    for p in done[40:44]:
        row = _operation(run, apps["workspace"], p, "update", OperationState.FAILED, now)
        row.error = (
            f'PATCH /Users/{p.uid} answered 400: "{p.email}" is not in a domain of this workspace. '
            "Add the domain there, or change the mapping of emails.work."
        )
        rows.append(row)
    for p in done[44:46]:
        row = _operation(run, apps["desk"], p, "enable", OperationState.RETRYING, now)
        row.error = "POST /Users answered 429: asked to wait 12 seconds."
        rows.append(row)
    row = _operation(run, apps["design"], done[46], "delete", OperationState.MANUAL, now)
    row.error = "The guest seat cannot be removed by Figma's SCIM: remove it in its settings."
    rows.append(row)
    for p in people[40:49]:
        held = _operation(run, apps["crm"], p, "disable", OperationState.HELD, now)
        held.reason = "left 23 Nov 2026 17:00 UTC, reason: resignation"
        held.takes_access = True
        held.hold_reason = (
            "9 removals in Salesforce: 56.2 % of 16, and at most 2 are allowed within 24 hours "
            "(guard: 3 %, never under 2)."
        )
        rows.append(held)
    insert_instances(rows)
    return run


def _operation(
    run: Run, app: Application, person: Person, kind: str, state: OperationState, now: datetime
) -> Operation:
    settled = state in (OperationState.DONE, OperationState.FAILED)
    return Operation(
        application=app,
        person=person,
        run=run,
        kind=kind,
        state=state,
        reason="differs from the person's attributes: title",
        attributes={"title": {"from": "Trainee", "to": person.attributes["title"]}}
        if kind == "update"
        else {},
        generation=1,
        attempts=1,
        created_at=now - timedelta(seconds=20),
        finished_at=now if settled else None,
    )


def _reconciles(apps: dict[str, Application], now: datetime) -> None:
    for i, app in enumerate(apps.values()):
        stopped = app.slug == "meet"
        Run.objects.create(
            kind=RunKind.RECONCILE,
            subject=app.slug,
            state=RunState.FAILED if stopped else RunState.DONE,
            actor="system",
            started_at=now - timedelta(minutes=7 * i + 1),
            touched_at=now - timedelta(minutes=7 * i),
            finished_at=now - timedelta(minutes=7 * i),
            total=None if stopped else 80,
            done=0 if stopped else 80,
            counters={} if stopped else {"seen": 80, "unchanged": 76, "changed": 2, "new": 2},
            message="GET /Users answered 401: the token is not accepted." if stopped else "",
        )


def _tested(application: Application, now: datetime) -> None:
    """A test of everything, as it goes with an application of its own ideas."""
    lines = [
        ("Users", "works", "34 there."),
        ("What it says it can do", "works", "patch yes, filter yes, etag no, bulk no"),
        ("List accounts", "works", "34 in 1 page."),
        ("Make an account", "works", "tenure-canary-0a1b2c3d."),
        ("Read it back", "differs", "Not kept as it was sent: title."),
        ("Find it by userName", "works", "Found, and nobody else."),
        ("Change it", "fails", "PATCH /Users/17 was answered 501: not implemented."),
        ("Empty an attribute", "not tried", "Nothing is mapped to try it on."),
        ("Delete it", "works", "It is gone."),
    ]
    ConnectionCheck.objects.create(
        application=application,
        write=True,
        mark="tenure-canary-0a1b2c3d",
        actor="Ada Byron",
        started_at=now - timedelta(minutes=5),
        touched_at=now - timedelta(minutes=4),
        finished_at=now - timedelta(minutes=4),
        steps=[
            {"what": what, "outcome": outcome, "detail": detail, "seconds": 0.12}
            for what, outcome, detail in lines
        ],
        settings={"dialect": {"filters": ["userName"], "pages": {"count": False}}},
        notes=["It fails (500) when it is asked for a number (count)."],
    )


def _signals(people: list[Person], now: datetime) -> None:
    """One that is told, one that waits for its stream, one that tells us."""
    receiver, _ = receivers.add("siem", name="Splunk", audience="https://siem.acme.example")
    receivers.add("crm", name="Salesforce", application="crm")
    Stream.objects.create(
        receiver=receiver,
        method=Delivery.PUSH,
        address="https://siem.acme.example/services/collector/security-events",
    )
    risk, _ = listening.trust(
        "risk",
        name="Device manager",
        issuer="https://mdm.acme.example",
        jwks_address="https://mdm.acme.example/jwks.json",
        audience="https://id.acme.example",
        policy={"account-disabled": "suspend"},
    )
    for number, person in enumerate([people[0], None]):
        Heard.objects.create(
            transmitter=risk,
            jti=str(number),
            kind="session-revoked",
            person=person,
            done="end_sessions" if person else "report",
            detail="2 sessions ended" if person else "nobody here is known by this name",
            at=now - timedelta(minutes=number + 2),
        )


def _told(terminated: Person) -> list[Entry]:
    """What became of a leaver's sessions: one application took it, one did not."""
    uid, name = str(terminated.uid), terminated.display_name
    said = {"tries": 1, "status": 200, "answer": ""}
    return [
        event(Action.ACCESS_ENDED, subject_kind="person", subject_key=uid, subject_label=name,
              person=uid, reason="left: no application has been told yet",
              after={"sessions": 2, "passkeys": 1}),
        event(Action.NOTICE_DELIVERED, subject_kind="notice", subject_key="1", person=uid,
              subject_label="oidc.logout", application="chat", after=said),
        event(Action.NOTICE_FAILED, subject_kind="notice", subject_key="2", person=uid,
              subject_label="saml.logout", application="crm", reason="answered 500",
              after={**said, "tries": 14, "status": 500, "answer": "Internal Server Error"}),
    ]  # fmt: skip


def _trail(people: list[Person], imported: Run, now: datetime) -> None:
    anna, terminated = people[0], people[33]
    uid = str(anna.uid)
    facts = {"subject_kind": "person", "subject_key": uid, "subject_label": anna.display_name}
    events = [
        event(Action.PERSON_ADDED, **facts, person=uid, reason="import of BambooHR",
              after={"department": "Sales", "title": "Account executive"}),
        event(Action.PERSON_CHANGED, **facts, person=uid, reason="import of BambooHR",
              run=imported.pk, before={"department": "Sales", "title": "Account executive"},
              after={"department": "Support", "title": "Support lead"}),
        event(Action.ACCOUNT_CREATED, subject_kind="account", subject_key="1", person=uid,
              subject_label=f"{anna.email} in Zendesk", application="desk",
              reason="rule Support desk", after={"userName": anna.email, "title": "Support lead"}),
        event(Action.ACCOUNT_DELETED, subject_kind="account", subject_key="2", person=uid,
              subject_label=f"{anna.email} in Salesforce", application="crm",
              reason="no access rule gives this application any more"),
        event(Action.PERSON_TERMINATED, subject_kind="person", subject_key=str(terminated.uid),
              subject_label=terminated.display_name, person=str(terminated.uid),
              reason="resignation", after={"terminated_at": now.isoformat()}),
        event(Action.APPLICATION_STOPPED, subject_kind="application", subject_key="meet",
              subject_label="Zoom", application="meet", reason="401 since 08:40"),
        event(Action.PLAN_HELD, subject_kind="run", subject_key="2", subject_label="Plan 2",
              reason="9 removals in Salesforce: 56.2 % of 16.", after={"disable": 9}),
        event(Action.IMPORT_HELD, subject_kind="source", subject_key="hr",
              subject_label="BambooHR", reason=imported.message, run=imported.pk),
        *_told(terminated),
    ]  # fmt: skip
    minutes = (3, 3, 3, 1440, 32, 2, 1, 1440, 1440, 1439)
    ages = [timedelta(days=700), *(timedelta(minutes=m) for m in minutes)]
    insert_instances(
        [Event(**item._asdict(), at=now - age) for item, age in zip(events, ages, strict=True)]
    )
