"""Where the people of the large company come from: HR that has everybody, a directory that is
written back to, and a system that pushes; with their records and what waits to be answered.
"""

from __future__ import annotations

import csv

from bench.filling import fill
from tenure.config.paths import home
from tenure.infra.clock import now
from tenure.people.models import Person
from tenure.scim_server import tokens
from tenure.sources.models import PersonPair, PushedResource, RehireQuestion, Source, SourceRecord

SOURCES = ("hr", "directory", "scim")


def build() -> None:
    """HR that has everybody, a directory that is written back to, and one that pushes."""
    hr, directory, pushed = (
        Source.objects.create(
            slug=slug,
            name=name,
            reader=reader,
            settings=settings,
            mapping={
                "employee_number": 'row["number"]',
                "given_name": 'row["given"]',
                "family_name": 'row["family"]',
                "title": 'row["title"]',
            },
            rehire=[["given_name", "family_name"]],
            write_back={"email": "mail"} if reader == "ldap" else {},
            schedule={"every": 900} if reader == "ldap" else {},
            position=position,
        )
        for position, (slug, name, reader, settings) in enumerate(
            (
                (SOURCES[0], "BambooHR", "csv", {"path": "people.csv"}),
                (SOURCES[1], "Directory", "ldap", {"url": "ldaps://ldap.acme.example"}),
                (SOURCES[2], "Entra ID", "push", {}),
            )
        )
    )
    for source, share in ((hr, 1), (directory, 2)):
        fill(
            SourceRecord,
            f"people_person WHERE id % {share} = 0",
            source_id=str(source.pk),
            key="employee_number",
            remote_id="'id-' || id",
            digest="md5(id::text)::bytea",
            attributes="attributes",
            person_id="id",
            line="id + 1",
        )
    fill(
        PushedResource,
        "people_person WHERE id % 2 = 1",
        source_id=str(pushed.pk),
        kind="'User'",
        uid="uid::text",
        name="lower(email)",
        external_id="employee_number",
        key="employee_number",
        document="""jsonb_build_object('schemas', jsonb_build_array(
            'urn:ietf:params:scim:schemas:core:2.0:User'), 'id', uid::text, 'userName', email,
            'externalId', employee_number, 'displayName', display_name, 'active', true,
            'name', jsonb_build_object('givenName', attributes ->> 'given_name',
                'familyName', attributes ->> 'family_name'))""",
        created_at="now() - interval '90 days'",
        modified_at="now() - interval '3 days'",
    )
    fill(
        PushedResource,
        "generate_series(1, 200) AS n",
        source_id=str(pushed.pk),
        kind="'Group'",
        uid="md5('group' || n)::uuid::text",
        name="'group ' || n",
        document="""jsonb_build_object('schemas', jsonb_build_array(
            'urn:ietf:params:scim:schemas:core:2.0:Group'), 'id', md5('group' || n)::uuid::text,
            'displayName', 'Group ' || n)""",
        created_at="now() - interval '90 days'",
        modified_at="now() - interval '3 days'",
    )
    fill(
        RehireQuestion,
        "people_person WHERE state = 'left' ORDER BY id LIMIT 300",
        source_id=str(hr.pk),
        key="'N' || id",
        candidates="jsonb_build_array(id)",
        row="""jsonb_build_object('attributes', attributes || jsonb_build_object(
            'employee_number', 'N' || id, 'start_date', (current_date + 5)::text))""",
        answer="CASE WHEN id % 36 = 7 THEN '' ELSE 'other' END",
        answered_at="CASE WHEN id % 36 = 7 THEN NULL ELSE now() - interval '9 days' END",
        answered_by="CASE WHEN id % 36 = 7 THEN '' ELSE 'anna' END",
    )
    fill(
        PersonPair,
        "people_person WHERE id % 100 = 5",
        one_id="id",
        other_id="id + 1",
        found_by="'family_name, start_date'",
        rank="id % 5",
        answer="CASE WHEN id % 300 = 5 THEN 'other' ELSE '' END",
        answered_at="CASE WHEN id % 300 = 5 THEN now() END",
        unsure_at="CASE WHEN id % 700 = 5 THEN now() END",
    )


def write_file() -> None:
    """What HR's source reads."""
    names = ("employee_number", "given_name", "family_name", "title")
    path = home() / "people.csv"
    rows = Person.objects.order_by("pk").values_list(*(f"attributes__{name}" for name in names))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("number", "given", "family", "title"))
        writer.writerows(rows.iterator(5000))
    Source.objects.filter(slug=SOURCES[0]).update(settings={"path": str(path)})


def push_token() -> str:
    """A new one for the source that pushes."""
    return tokens.issue(SOURCES[2], name=f"bench {now():%H%M%S%f}")
