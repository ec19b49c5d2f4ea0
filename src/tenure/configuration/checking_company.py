"""Whether the section of the company makes sense."""

from __future__ import annotations

import re
from collections.abc import Mapping
from zoneinfo import available_timezones

from tenure.configuration.document_company import Company
from tenure.configuration.problems import Problems, near
from tenure.core.expressions import AttributeType
from tenure.core.names import candidates
from tenure.people.onboarding import NAME

_DOMAIN = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))+", re.IGNORECASE)
_COLOUR = re.compile(r"#[0-9a-f]{6}", re.IGNORECASE)


def check_company(company: Company, problems: Problems) -> None:
    if company.time_zone not in available_timezones():
        problems.add(
            ("company", "time_zone"),
            f"There is no time zone {company.time_zone!r}. Expected an IANA name such as "
            f"Europe/Budapest.{near(company.time_zone, available_timezones())}",
        )
    if company.domain and not _DOMAIN.fullmatch(company.domain):
        problems.add(
            ("company", "domain"),
            f"{company.domain!r} is not a domain. Expected one such as acme.example, without @.",
        )
    for index, form in enumerate(company.email_formats):
        try:
            candidates([form], {})
        except ValueError as error:
            problems.add(("company", "email_formats", index), str(error))
    if company.colour and not _COLOUR.fullmatch(company.colour):
        problems.add(
            ("company", "colour"),
            f"{company.colour!r} is not a colour. Expected # and six digits, such as '#0b6b53'.",
        )


def check_asked(company: Company, schema: Mapping[str, AttributeType], problems: Problems) -> None:
    """What people are asked to verify: texts and days that they can type."""
    for index, name in enumerate(company.onboarding.verify):
        kind = AttributeType.STRING if name == NAME else schema.get(name)
        if kind not in (AttributeType.STRING, AttributeType.DATE):
            problems.add(
                ("company", "onboarding", "verify", index),
                f"Nobody can be asked for {name!r}. Expected `{NAME}` (given and family name) or "
                f"an attribute that is a text or a day.{near(name, (NAME, *schema))}",
            )
