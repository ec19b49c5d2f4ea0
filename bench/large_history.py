"""What happened in the large company: operations, runs, a trail, requests, sign-ins, signals."""

from __future__ import annotations

from datetime import timedelta

from bench.filling import fill, indexed_afterwards
from bench.large_company import APPLICATIONS, FOR_ALL, Size
from bench.large_sources import SOURCES
from tenure.applications.models import Application, ConnectionCheck
from tenure.audit.models import Action, Event
from tenure.infra.clock import now
from tenure.provisioning.models import Operation
from tenure.requests.models import AccessRequest
from tenure.runs.models import Run, RunIssue, RunKind, RunState
from tenure.signals import listening, receivers
from tenure.signals.models import Delivery, Heard, Signal, Stream
from tenure.signin.models import Device, Invitation, Letter, Passkey, Review, Session, User
from tenure.sso.models import ApplicationSession, Notice, SignOn
from tenure.sso.oidc.models import Grant, Token
from tenure.writeback.models import WriteBack

#: Runs are numbered; the first is the large execution, the second the large import.
EXECUTED, IMPORTED = 1, 2
_OTHER_RUNS = 20_000
_ISSUES = 5_000
#: State of an operation that waits -> how many, and in which application.
_WAITING = (
    ("held", 1000, 3),
    ("failed", 200, 4),
    ("manual", 160, 5),
    ("retrying", 40, 6),
    ("planned", 2000, 7),
)
#: What is told of people, and what of accounts.
_OF_PEOPLE = (
    Action.PERSON_CHANGED,
    Action.PERSON_ADDED,
    Action.SIGNED_IN,
    Action.PERSON_STATE_CHANGED,
    Action.INVITATION_SENT,
)
_OF_ACCOUNTS = (
    Action.ACCOUNT_UPDATED,
    Action.ACCOUNT_CREATED,
    Action.ENTITLEMENT_GRANTED,
    Action.ACCOUNT_DISABLED,
    Action.OPERATION_FAILED,
)


def build(size: Size) -> None:
    """After the company itself."""
    _runs(size)
    with indexed_afterwards(Operation):
        _operations(size)
    with indexed_afterwards(Event):
        _trail(size)
    _requests()
    _sign_ins()
    _single_sign_on()
    _signals()
    _write_backs()


def _runs(size: Size) -> None:
    at = now()
    large = {"actor": "administrator anna", "started_at": at - timedelta(days=2)}
    Run.objects.create(
        kind=RunKind.EXECUTE,
        state=RunState.RUNNING,
        total=size.operations + 3400,
        done=size.operations,
        counters={"create": 40, "update": size.operations},
        touched_at=at,
        **large,
    )
    imported = Run.objects.create(
        kind=RunKind.IMPORT,
        subject=SOURCES[0],
        state=RunState.DONE,
        total=size.people,
        done=size.people,
        counters={"rows": size.people, "added": 20_000, "changed": 30_000, "errors": _ISSUES},
        finished_at=at,
        **large,
    )
    fill(
        Run,
        f"generate_series(1, {_OTHER_RUNS}) AS n",
        kind="(ARRAY['reconcile', 'import', 'execute', 'plan'])[1 + n % 4]",
        subject=f"CASE n % 4 WHEN 0 THEN 'app' || n / 4 % {APPLICATIONS}"
        f" WHEN 1 THEN (ARRAY['hr', 'directory', 'scim'])[1 + n / 4 % 3] ELSE '' END",
        state="CASE WHEN n % 50 = 3 THEN 'failed' ELSE 'done' END",
        actor="'system'",
        started_at=f"now() - ({_OTHER_RUNS} - n) * interval '3 minutes'",
        touched_at=f"now() - ({_OTHER_RUNS} - n) * interval '3 minutes'",
        finished_at=f"now() - ({_OTHER_RUNS} - n) * interval '3 minutes' + interval '40 seconds'",
        total="80000",
        done="80000",
        counters="""jsonb_build_object('seen', 80000, 'changed', n % 90, 'rows', 100000)""",
    )
    fill(
        RunIssue,
        f"generate_series(1, {_ISSUES}) AS n",
        run_id=str(imported.pk),
        severity="(ARRAY['error', 'warning'])[1 + n % 2]",
        line="n * 3",
        key="'E' || lpad(n::text, 6, '0')",
        message="'Start date of row ' || n || ' is no day.'",
    )


def _operations(size: Size) -> None:
    """Most are done; of those that wait each person has one in an application at most."""
    changed = "jsonb_build_object('title', jsonb_build_object('from', 'Trainee', 'to', 'Engineer'))"
    fill(
        Operation,
        f"""generate_series(1, {size.operations}) AS n
            JOIN applications_account AS a ON a.id = n""",
        application_id="a.application_id",
        person_id="a.person_id",
        account_id="a.id",
        run_id=str(EXECUTED),
        kind="CASE WHEN n % 40 = 1 THEN 'create' ELSE 'update' END",
        state="'done'",
        reason="'differs from the person''s attributes: title'",
        attributes=changed,
        generation="1",
        attempts="1",
        created_at="now() - interval '2 days'",
        started_at="now() - interval '1 day'",
        finished_at="now() - n * interval '0.3 seconds'",
    )
    for state, many, position in _WAITING:
        fill(
            Operation,
            f"""(SELECT a.*, row_number() OVER (ORDER BY a.id) AS n FROM applications_account AS a
                JOIN applications_application AS app ON app.id = a.application_id
                WHERE app.position = {position} AND a.situation = 'linked' AND a.active
                ORDER BY a.id LIMIT {many}) AS a""",
            application_id="application_id",
            person_id="person_id",
            account_id="id",
            run_id=str(EXECUTED),
            kind="'disable'" if state == "held" else "'update'",
            state=f"'{state}'",
            takes_access=str(state == "held"),
            reason="'differs from the person''s attributes: title'",
            attributes="'{}'::jsonb" if state == "held" else changed,
            generation="1",
            hold_reason="'1,000 removals: 1.2 % of 80,000, and at most 100 are allowed.'"
            if state == "held"
            else "''",
            held_at="now()" if state == "held" else "NULL",
            error="'PATCH /Users answered 400: the title is too long.'"
            if state in ("failed", "retrying", "manual")
            else "''",
            created_at="now() - interval '1 hour'",
            asked_at="now() - n * interval '20 minutes'" if state == "manual" else "NULL",
            finished_at="now() - interval '1 hour'" if state == "failed" else "NULL",
        )


def _trail(size: Size) -> None:
    """A half of people, a half of accounts; what the large import did among them."""
    told = ", ".join(f"'{action.value}'" for action in _OF_PEOPLE)
    fill(
        Event,
        f"""generate_series(1, {size.events // 2}) AS n
            JOIN people_person AS p ON p.id = 1 + n % {size.people}""",
        at=f"now() - ({size.events // 2} - n) * interval '10 seconds'",
        action=f"(ARRAY[{told}])[1 + (n / 7) % {len(_OF_PEOPLE)}]",
        actor="CASE WHEN n % 3 = 0 THEN 'administrator anna' ELSE 'system' END",
        subject_kind="'person'",
        subject_key="p.uid::text",
        subject_label="p.display_name",
        person="p.uid::text",
        reason="'import of BambooHR'",
        before="""CASE WHEN n % 3 > 0 THEN jsonb_build_object('title', 'Trainee') END""",
        after="""jsonb_build_object('title', 'Engineer', 'department', 'Sales')""",
        run=f"CASE WHEN n > {size.events // 2 - 50_000} THEN {IMPORTED} END",
        position="n",
        digest="sha256(n::text::bytea)",
    )
    told = ", ".join(f"'{action.value}'" for action in _OF_ACCOUNTS)
    fill(
        Event,
        f"""generate_series({size.events // 2 + 1}, {size.events}) AS n
            JOIN applications_account AS a ON a.id = n JOIN people_person AS p ON p.id = a.person_id
            JOIN applications_application AS app ON app.id = a.application_id""",
        at=f"now() - ({size.events} - n) * interval '5 seconds'",
        action=f"(ARRAY[{told}])[1 + (n / 7) % {len(_OF_ACCOUNTS)}]",
        actor="'system'",
        subject_kind="'account'",
        subject_key="a.id::text",
        subject_label="p.display_name",
        application="app.slug",
        person="p.uid::text",
        reason="'rule Everyone'",
        after="""jsonb_build_object('title', 'Engineer')""",
        position="n",
        digest="sha256(n::text::bytea)",
    )


def _requests() -> None:
    fill(
        AccessRequest,
        "people_person WHERE id % 10 = 1",
        uid="md5('request' || id)::uuid",
        person_id="id",
        application=f"'app' || {FOR_ALL} + id / 10 % 12",
        reason="'For project ' || id",
        lasts="interval '30 days'",
        state="""CASE WHEN id % 200 = 1 THEN 'waiting'
            ELSE (ARRAY['approved', 'rejected', 'withdrawn', 'expired', 'closed']
                )[1 + id / 10 % 5] END""",
        asked_at="now() - id % 90 * interval '1 day'",
        expires_at="now() + interval '9 days'",
        route="CASE WHEN id % 400 = 1 THEN 'administrators' ELSE 'manager' END",
        decided_at="CASE WHEN id % 200 = 1 THEN NULL ELSE now() - interval '9 days' END",
        decided_by="CASE WHEN id % 200 = 1 THEN '' ELSE 'anna' END",
        decider_id="CASE WHEN id % 200 = 1 THEN NULL ELSE manager_id END",
    )


def _sign_ins() -> None:
    """A passkey for most people, sessions and browsers, invitations, claims to be looked at."""
    fill(
        Passkey,
        "people_person WHERE state <> 'upcoming'",
        person_id="id",
        handle="sha256(('handle' || id)::bytea)",
        credential_id="sha256(('credential' || id)::bytea)",
        public_key="sha256(('key' || id)::bytea)",
        name="'Phone'",
    )
    for table in (Session, Device):
        seen = {"seen_at": "now() - id % 40 * interval '1 hour'", "how": "'passkey'"}
        extra = {"digest": "sha256(('device' || id)::bytea)"} if table is Device else {}
        if table is Session:
            extra = {
                "uid": "md5('session' || id)::uuid",
                "ended_at": "CASE WHEN id % 4 > 0 THEN now() - interval '1 hour' END",
            }
        fill(table, "people_person", person_id="id", browser="'Firefox on Linux'", **seen, **extra)
    fill(
        Invitation,
        "people_person WHERE id % 10 = 9",
        person_id="id",
        digest="sha256(('invitation' || id)::bytea)",
        sent_to="email",
        invited_by="'anna'",
        expires_at="now() + interval '9 days'",
        used_at="CASE WHEN state <> 'upcoming' THEN now() - interval '9 days' END",
    )
    fill(
        Review,
        "signin_invitation WHERE used_at IS NULL ORDER BY id LIMIT 60",
        invitation_id="id",
        person_id="person_id",
        given="""jsonb_build_object('birth_date', '1990-01-01')""",
    )
    fill(
        Letter,
        "signin_invitation",
        kind="'invitation'",
        to="sent_to",
        invitation_id="id",
        sent_at="now()",
    )
    fill(
        User,
        "generate_series(1, 60) AS n",
        name="'Administrator ' || n",
        role="(ARRAY['administrator', 'auditor', 'help_desk'])[1 + n % 3]",
        password="'!'",
    )


def _single_sign_on() -> None:
    fill(
        ApplicationSession,
        "signin_session AS s JOIN applications_application AS a ON a.position < 3",
        sid="'_' || md5(s.id || a.slug)",
        person_id="s.person_id",
        application_id="a.id",
        portal_session_id="s.id",
        protocol="'oidc'",
        subject="s.person_id::text",
        generation="1",
        ended_at="s.ended_at",
    )
    fill(
        SignOn,
        """people_person AS p JOIN applications_application AS a ON a.position < 3
            CROSS JOIN generate_series(1, 2) AS n""",
        person_id="p.id",
        application_id="a.id",
        protocol="'oidc'",
        outcome="CASE WHEN p.id % 50 = 1 THEN 'refused' ELSE 'allowed' END",
        reason="CASE WHEN p.id % 50 = 1 THEN 'no rule gives it' ELSE '' END",
    )
    fill(
        Grant,
        "sso_applicationsession WHERE ended_at IS NULL",
        application_id="application_id",
        person_id="person_id",
        session_id="id",
        scope="'openid email'",
    )
    fill(
        Token,
        "sso_grant CROSS JOIN (VALUES ('access_token'), ('refresh_token')) AS kinds (kind)",
        digest="sha256((kind || id)::bytea)",
        kind="kind",
        grant_id="id",
        expires_at="now() + interval '8 hours'",
    )
    fill(
        Notice,
        "sso_applicationsession WHERE ended_at IS NOT NULL AND id % 4 = 0",
        kind="'oidc.logout'",
        address="'https://app.acme.example/logout'",
        application_id="application_id",
        person_id="person_id",
        session_id="id",
        state="CASE WHEN id % 400 = 0 THEN 'failed' ELSE 'delivered' END",
        give_up_at="now() + interval '1 day'",
        settled_at="now()",
        tries="1",
        status="200",
    )


def _signals() -> None:
    receiver, _ = receivers.add("siem", name="Splunk", audience="https://siem.acme.example")
    stream = Stream.objects.create(
        receiver=receiver, method=Delivery.PUSH, address="https://siem.acme.example/events"
    )
    listening.trust(
        "mdm",
        name="Device manager",
        issuer="https://mdm.acme.example",
        jwks_address="https://mdm.acme.example/jwks.json",
        audience="https://id.acme.example",
        policy={"account-disabled": "suspend"},
    )
    fill(
        Signal,
        "people_person CROSS JOIN generate_series(1, 2) AS n",
        stream_id=str(stream.pk),
        jti="md5('signal' || id || '-' || n)",
        kind="'session-revoked'",
        person_id="id",
        issued_at="now() - id % 90 * interval '1 hour'",
        state="(ARRAY['delivered', 'delivered', 'delivered', 'waiting'])[1 + id % 4]",
    )
    fill(
        Heard,
        "people_person JOIN signals_transmitter AS t ON true WHERE people_person.id % 2 = 0",
        transmitter_id="t.id",
        jti="'heard' || people_person.id",
        kind="'session-revoked'",
        person_id="people_person.id",
        done="'end_sessions'",
        detail="'1 session ended'",
    )


def _write_backs() -> None:
    fill(
        WriteBack,
        """sources_sourcerecord AS r JOIN sources_source AS s ON s.id = r.source_id
            WHERE s.reader = 'ldap'""",
        source_id="s.id",
        record_id="r.id",
        person_id="r.person_id",
        wanted="jsonb_build_object('email', r.attributes ->> 'email')",
        state="""CASE WHEN r.id % 100 = 1 THEN 'failed' WHEN r.id % 100 = 2 THEN 'held'
            WHEN r.id % 100 = 3 THEN 'waiting' ELSE 'done' END""",
        reason="CASE WHEN r.id % 100 < 4 THEN 'mail: invalid per syntax.' ELSE '' END",
        asked_at="now() - interval '2 hours'",
        not_before="now() + interval '2 hours'",
        settled_at="now() - interval '1 hour'",
    )
    ConnectionCheck.objects.bulk_create(
        ConnectionCheck(application=row, actor="anna", finished_at=now())
        for row in Application.objects.all()
    )
