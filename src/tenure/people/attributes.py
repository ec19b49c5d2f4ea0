"""The standard attributes of a person: their names, labels and types.

A constant, so that a configuration can be checked without a database. What a company adds of its
own is in `AttributeDefinition`; `people.services.schema()` gives both.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tenure.core.expressions import AttributeType

#: The standard attributes that a company may keep private. By the others people are found, told
#: apart and listed, or it is decided whether they are here.
MAY_BE_PRIVATE = ("personal_email", "phone", "mobile")

#: Name -> (label, type), in the order in which a person reads them. `manager` holds the manager's
#: employee number; `start_date` and `end_date` are the first and the last working day.
STANDARD: Mapping[str, tuple[str, AttributeType]] = MappingProxyType(
    {
        "employee_number": ("Employee number", AttributeType.STRING),
        "given_name": ("Given name", AttributeType.STRING),
        "middle_name": ("Middle name", AttributeType.STRING),
        "family_name": ("Family name", AttributeType.STRING),
        "preferred_name": ("Preferred name", AttributeType.STRING),
        "display_name": ("Display name", AttributeType.STRING),
        "user_name": ("User name", AttributeType.STRING),
        "email": ("Work e-mail", AttributeType.STRING),
        "email_aliases": ("Former work e-mails", AttributeType.STRINGS),
        "personal_email": ("Personal e-mail", AttributeType.STRING),
        "phone": ("Phone", AttributeType.STRING),
        "mobile": ("Mobile phone", AttributeType.STRING),
        "title": ("Job title", AttributeType.STRING),
        "role": ("Role", AttributeType.STRING),
        "department": ("Department", AttributeType.STRING),
        "division": ("Division", AttributeType.STRING),
        "cost_center": ("Cost centre", AttributeType.STRING),
        "organization": ("Organisation", AttributeType.STRING),
        "location": ("Location", AttributeType.STRING),
        "country": ("Country", AttributeType.STRING),
        "time_zone": ("Time zone", AttributeType.STRING),
        "manager": ("Manager", AttributeType.STRING),
        "employment_type": ("Employment type", AttributeType.STRING),
        "status": ("Status", AttributeType.STRING),
        "start_date": ("First working day", AttributeType.DATE),
        "end_date": ("Last working day", AttributeType.DATE),
    }
)
