"""A company of any size straight in the tables, for benchmarks of what comes after an import."""

from __future__ import annotations

from datetime import date

from django.db import connection

from tenure.applications.models import Application
from tenure.people.models import Person
from tenure.rules.models import AccessRule

DEPARTMENTS = ("Engineering", "Sales", "Support", "Finance")


def clear() -> None:
    """An empty product."""
    with connection.cursor() as cursor:
        cursor.execute(
            "TRUNCATE people_person, rules_accessrule, applications_application, runs_run,"
            " audit_event, people_reservedname, procrastinate_jobs CASCADE"
        )


def add_people(count: int) -> None:
    """Active people, each with the attributes that the mapping reads."""
    for start in range(0, count, 5000):
        Person.objects.bulk_create(
            [
                Person(
                    employee_number=str(number),
                    display_name=f"Given{number} Family{number}",
                    email=f"person{number}@acme.example",
                    start_date=date(2024, 1, 1),
                    attributes={
                        "given_name": f"Given{number}",
                        "family_name": f"Family{number}",
                        "display_name": f"Given{number} Family{number}",
                        "email": f"person{number}@acme.example",
                        "title": "Engineer",
                        "department": DEPARTMENTS[number % 4],
                        "employee_number": str(number),
                        "start_date": "2024-01-01",
                    },
                )
                for number in range(start, min(start + 5000, count))
            ]
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE people_person")


def add_applications(count: int, *, address: str = "http://127.0.0.1:1/scim") -> None:
    """Applications with the same mapping; nothing is granted yet."""
    mapping = {
        "userName": "user.email",
        "name.givenName": "user.given_name",
        "name.familyName": "user.family_name",
        "displayName": "user.display_name",
        "emails.work": "user.email",
        "title": 'has(user.title) ? user.title : ""',
    }
    Application.objects.bulk_create(
        [
            Application(
                slug=f"app{number}",
                name=f"Application {number}",
                connector="scim",
                settings={"base_url": address, "allow_http": True, "groups": False},
                secrets={"token": "${env:BENCH_TOKEN}"},
                mapping=[{"attribute": k, "expression": v} for k, v in mapping.items()],
                limits={"concurrency": 32},
                guard={},
                mode="live",
            )
            for number in range(count)
        ]
    )


def give_everybody(slug: str) -> None:
    """One rule, one application."""
    AccessRule.objects.create(
        slug="everybody",
        name="Everybody",
        condition='user.email.endsWith("@acme.example")',
        gives={slug: []},
    )


def give(applications: int, *, each: int) -> None:
    """Rules such that everybody gets `each` of the applications: all but one by one rule for
    everybody, the last by department and employee number."""
    everybody = [f"app{number}" for number in range(each - 1)]
    AccessRule.objects.create(
        slug="everyone",
        name="Everyone",
        condition='user.email.endsWith("@acme.example")',
        gives={slug: [] for slug in everybody},
    )
    rest = [f"app{number}" for number in range(each - 1, applications)]
    for number, slug in enumerate(rest):
        department = DEPARTMENTS[number % 4]
        last = "0123456789"[(number // 4) :: len(rest) // 4]
        condition = (
            f'user.department == "{department}" && user.employee_number.matches("[{last}]$")'
        )
        AccessRule.objects.create(
            slug=f"rule{number}", name=f"Rule {number}", condition=condition, gives={slug: []}
        )
