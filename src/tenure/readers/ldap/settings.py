"""What an administrator says about a directory that people are read from. Forms are generated from
these schemas."""

from __future__ import annotations

import re
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import Field, StringConstraints, field_validator

from tenure.connectors.ldap import filters, names
from tenure.connectors.ldap.settings import DirectoryAddress

Text = Annotated[str, StringConstraints(strip_whitespace=True)]
Attribute = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, pattern=re.compile(r"^[A-Za-z][A-Za-z0-9-]*(;[A-Za-z0-9-]+)*$")
    ),
]
#: Columns that are made and are no attributes.
DN, STATUS, MANAGER = "dn", "status", "manager_number"

_COMMON = ("givenName", "sn", "displayName", "mail", "employeeNumber", "employeeType", "title")
_MORE = ("manager", "telephoneNumber", "mobile", "l", "preferredLanguage")
USUAL = {
    "openldap": ("uid", "cn", *_COMMON, *_MORE, "departmentNumber", "o", "ou"),
    "active_directory": (
        *("sAMAccountName", "userPrincipalName", *_COMMON, *_MORE, "employeeID", "c"),
        *("department", "division", "company", "whenCreated", "accountExpires"),
    ),
}


class LdapSourceSettings(DirectoryAddress):
    """Where people are in a directory, and what of them is read."""

    people_dn: Text = Field(
        min_length=1, title="People are under (DN)", examples=["ou=people,dc=example,dc=com"]
    )
    people_filter: Text = Field(
        default="",
        title="Which entries are people",
        description="A search filter. Empty: as is usual for the kind.",
    )
    attributes: tuple[Attribute, ...] = Field(
        default=(),
        title="Attributes",
        description="Those that are the columns, besides dn, status and manager_number. Empty: "
        "what is usual for the kind.",
    )
    number: Attribute = Field(
        default="employeeNumber",
        title="Attribute of the employee number",
        description="By which manager_number says who the manager is.",
    )
    time_zone: str = Field(
        default="UTC",
        title="Time zone of last days",
        description="accountExpires is a point in time; the last day before it is that of this "
        "zone.",
    )
    page_size: int = Field(default=500, ge=1, le=1000, title="Entries per page")

    @property
    def columns(self) -> tuple[str, ...]:
        return self.attributes or USUAL[self.kind]

    @field_validator("people_dn")
    @classmethod
    def _is_a_name(cls, value: str) -> str:
        names.parse(value)
        return value

    @field_validator("people_filter")
    @classmethod
    def _is_a_filter(cls, value: str) -> str:
        if value:
            filters.parse(value)
        return value

    @field_validator("attributes")
    @classmethod
    def _differ(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        small = [one.casefold() for one in value]
        twice = sorted({one for one in small if small.count(one) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} is there twice")
        return value

    @field_validator("time_zone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError("expected an IANA name such as Europe/Budapest")
        return value
