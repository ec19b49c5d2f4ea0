"""Whether what the company says of its people's way in makes sense."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping

from tenure.configuration.checking_wallet import check_wallet
from tenure.configuration.document import Company
from tenure.configuration.problems import Problems
from tenure.core.expressions import AttributeType
from tenure.core.nearest import near
from tenure.people.onboarding import NAME

_COLOUR = re.compile(r"#[0-9a-f]{6}", re.IGNORECASE)


def check_onboarding(
    company: Company, schema: Mapping[str, AttributeType], problems: Problems
) -> None:
    """The colour is one; people are asked for texts and days, which they can type; networks are
    written as networks are."""
    if company.colour and not _COLOUR.fullmatch(company.colour):
        problems.add(
            ("company", "colour"),
            f"{company.colour!r} is not a colour. Expected # and six digits, such as '#0b6b53'.",
        )
    for index, name in enumerate(company.onboarding.verify):
        kind = AttributeType.STRING if name == NAME else schema.get(name)
        if kind not in (AttributeType.STRING, AttributeType.DATE):
            problems.add(
                ("company", "onboarding", "verify", index),
                f"Nobody can be asked for {name!r}. Expected `{NAME}` (given and family name) or "
                f"an attribute that is a text or a day.{near(name, (NAME, *schema))}",
            )
    if company.onboarding.wallet is not None:
        check_wallet(company.onboarding.wallet, company.onboarding.verify, problems)
    for place, ranges in company.onboarding.networks.items():
        if not ranges:
            problems.add(
                ("company", "onboarding", "networks", place),
                f"{place!r} has no addresses. Expected {place}: [203.0.113.0/24].",
            )
        for index, text in enumerate(ranges):
            try:
                ipaddress.ip_network(text)
            except ValueError as error:
                problems.add(
                    ("company", "onboarding", "networks", place, index),
                    f"{error}. Expected addresses as in 203.0.113.0/24 or 2001:db8:1::/48, or "
                    "one address.",
                )
