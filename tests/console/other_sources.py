"""Of the company to look at: sources besides HR."""

from __future__ import annotations

from datetime import datetime, timedelta

from tenure.people.models import Person
from tenure.scim_server.models import PushToken, Scope
from tenure.sources.models import Source, SourceRecord
from tenure.writeback.models import Pause, WriteBack


def other_sources(people: list[Person], now: datetime) -> None:
    """A directory that addresses are written into, in every state; and one that is pushed to."""
    directory = Source.objects.create(
        slug="directory",
        name="Directory",
        reader="ldap",
        position=1,
        settings={
            "url": "ldaps://ldap.acme.example",
            "bind_dn": "cn=tenure",
            "people_dn": "o=acme",
        },
        secrets={"password": "${env:LDAP_PASSWORD}"},
        mapping={"employee_number": 'row["employeeNumber"]'},
        write_back={"email": "mail"},
        schedule={"every": 900},
        due_at=now + timedelta(minutes=4),
    )
    states = WriteBack.State
    for person, state, reason in (
        (people[3], states.DONE, ""),
        (people[4], states.FAILED, "mail: value #0 invalid per syntax (invalidAttributeSyntax)."),
        (people[5], states.WAITING, "ldap.acme.example does not answer."),
        (people[6], states.HELD, "41 records of Directory that are written to: 48.8 % of 84."),
    ):
        record = SourceRecord.objects.create(
            source=directory,
            key=person.employee_number or "",
            remote_id=f"uid-{person.pk}",
            digest=b"0" * 16,
            person=person,
        )
        WriteBack.objects.create(
            source=directory,
            record=record,
            person=person,
            wanted={"email": person.email},
            was={"mail": "old@acme.example"} if state == states.DONE else {},
            state=state,
            reason=reason,
            tries=2,
            asked_at=now - timedelta(minutes=9),
            not_before=now + timedelta(minutes=3),
            settled_at=now - timedelta(minutes=8) if state == states.DONE else None,
        )
    Pause.objects.create(
        source=directory,
        until=now + timedelta(minutes=3),
        refused=True,
        since=now - timedelta(minutes=20),
        tries=3,
        reason="invalidCredentials: the password of cn=tenure is not accepted.",
    )
    pushed = Source.objects.create(
        slug="entra",
        name="Entra ID",
        reader="push",
        position=2,
        mapping={"employee_number": 'row["enterprise.employeeNumber"]'},
    )
    PushToken.objects.create(
        source=pushed,
        name="Entra provisioning",
        digest=b"1" * 32,
        scope=Scope.WRITE,
        created_by="anna",
        expires_at=now + timedelta(days=200),
        last_used_at=now - timedelta(minutes=2),
    )
