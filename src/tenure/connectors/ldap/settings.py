"""What an administrator says about one directory, and what its kind says where they do not.

Forms are generated from these schemas. They must not know what the connector does with them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    field_validator,
    model_validator,
)

from tenure.connectors.addresses import is_forbidden, is_loopback
from tenure.connectors.http import Timeouts
from tenure.connectors.ldap import filters, names

Text = Annotated[str, StringConstraints(strip_whitespace=True)]
Given = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
_ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
#: What places an account and is no attribute of its entry.
UNIT, PARENT = "ou", "dn_parent"


@dataclass(frozen=True, slots=True)
class Profile:
    """What goes for a kind of directory where the settings do not say."""

    id_attribute: str
    rdn: str
    people: str
    object_classes: tuple[str, ...]
    groups: str
    attributes: Mapping[str, str]


_COMMON = {
    "displayName": "displayName",
    "name.formatted": "cn",
    "name.givenName": "givenName",
    "name.familyName": "sn",
    "title": "title",
    "emails.work": "mail",
    "phoneNumbers.work": "telephoneNumber",
    "phoneNumbers.mobile": "mobile",
    "addresses.work.locality": "l",
    "addresses.work.postalCode": "postalCode",
    "enterprise.employeeNumber": "employeeNumber",
    "preferredLanguage": "preferredLanguage",
}
PROFILES = {
    "openldap": Profile(
        id_attribute="entryUUID",
        rdn="uid",
        people="(objectClass=inetOrgPerson)",
        object_classes=("inetOrgPerson",),
        groups="groupOfNames",
        attributes={
            **_COMMON,
            "userName": "uid",
            "addresses.work.streetAddress": "street",
            "enterprise.department": "departmentNumber",
            "enterprise.organization": "o",
        },
    ),
    "active_directory": Profile(
        id_attribute="objectGUID",
        rdn="cn",
        # Without computers and managed service accounts, which are users there, too.
        people="(&(objectCategory=person)(objectClass=user))",
        object_classes=("top", "person", "organizationalPerson", "user"),
        groups="group",
        attributes={
            **_COMMON,
            "userName": "sAMAccountName",
            "addresses.work.streetAddress": "streetAddress",
            "addresses.work.country": "c",
            "enterprise.department": "department",
            "enterprise.division": "division",
            "enterprise.organization": "company",
        },
    ),
}


class Off(BaseModel):
    """How access is taken away while the entry stays."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: Literal["lock", "attribute", "move", "none"] = Field(
        default="lock",
        title="By",
        description="lock: pwdAccountLockedTime, which the overlay ppolicy heeds. attribute: a "
        "value that your programs heed. move: into a unit that nobody signs in from.",
    )
    attribute: Text = Field(default="", title="Attribute")
    value: Text = Field(default="", title="Its value when switched off")
    on: Text = Field(default="", title="Its value when switched on; empty: none")
    unit: Text = Field(default="", title="Unit for those switched off (DN)")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.by == "attribute" and not (_ATTRIBUTE.fullmatch(self.attribute) and self.value):
            raise ValueError("by attribute needs the attribute and its value when switched off")
        if self.by == "move":
            if not self.unit:
                raise ValueError("by move needs the unit, as a DN")
            names.parse(self.unit)
        return self


class DirectoryAddress(BaseModel):
    """Where a directory is, and who we are there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["openldap", "active_directory"] = Field(
        default="openldap",
        title="Kind",
        description="openldap goes for other directories by the standards, too.",
    )
    url: Given = Field(
        title="Address",
        description="ldaps://host, or ldap://host, which is encrypted by StartTLS. Of one server "
        "that is written to; for Active Directory one domain controller.",
        examples=["ldaps://dc1.corp.example.com"],
    )
    plain: bool = Field(
        default=False,
        title="Without encryption",
        description="Only for ldap:// inside a network that you trust: the password is readable "
        "on the way.",
    )
    ca_file: Text = Field(
        default="",
        title="File of issuers",
        description="PEM certificates of who issued the directory's, where this machine does not "
        "know them.",
    )
    bind_dn: Given = Field(
        title="Sign in as",
        description="A service account's DN; for Active Directory also name@domain.",
        examples=["cn=tenure,ou=services,dc=example,dc=com"],
    )
    timeouts: Timeouts = Field(default_factory=Timeouts, title="Time-outs")

    @property
    def profile(self) -> Profile:
        return PROFILES[self.kind]

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        parts = urlsplit(self.url)
        return parts.port or (636 if parts.scheme == "ldaps" else 389)

    @property
    def start_tls(self) -> bool:
        return not self.plain and urlsplit(self.url).scheme == "ldap"

    @property
    def is_active_directory(self) -> bool:
        return self.kind == "active_directory"

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        try:
            parts = urlsplit(value)
            host, _ = parts.hostname, parts.port
        except ValueError:
            raise ValueError("expected ldaps://host or ldap://host:port") from None
        if parts.scheme not in {"ldap", "ldaps"} or not host:
            raise ValueError("expected ldaps://host or ldap://host:port")
        if parts.username or parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError("expected a host and a port and nothing more; names have own fields")
        if is_forbidden(host):
            raise ValueError("this address is link-local or a cloud's, never a directory's")
        return value.rstrip("/")

    @field_validator("ca_file")
    @classmethod
    def _is_a_file(cls, value: str) -> str:
        if value and not Path(value).is_file():
            raise ValueError("there is no such file")
        return value

    @model_validator(mode="after")
    def _is_one_way(self) -> Self:
        if self.plain and urlsplit(self.url).scheme == "ldaps":
            raise ValueError("plain goes with ldap:// only; ldaps:// is encrypted")
        if "=" not in self.bind_dn and not self.is_active_directory:
            raise ValueError("bind_dn: expected a DN, such as cn=tenure,dc=example,dc=com")
        return self


class LdapSettings(DirectoryAddress):
    """Where in the directory accounts and groups are, and how they look."""

    people_dn: Given = Field(
        title="Accounts are under (DN)", examples=["ou=people,dc=example,dc=com"]
    )
    people_filter: Text = Field(
        default="",
        title="Which entries are accounts",
        description="A search filter. Empty: as is usual for the kind.",
    )
    object_classes: tuple[str, ...] = Field(
        default=(), title="Object classes of a new account", description="Empty: the kind's."
    )
    rdn: Text = Field(
        default="",
        title="Attribute that names an entry",
        description="Empty: uid, and cn in Active Directory.",
    )
    attributes: dict[str, str] = Field(
        default_factory=dict,
        title="Names of attributes",
        description="Account attribute to the directory's, where it is another than usual.",
    )
    external_id: Text = Field(
        default="",
        title="Attribute for our own id",
        description="One that nothing else uses, such as employeeNumber. Empty: none is kept.",
    )
    create_units: bool = Field(
        default=False,
        title="Create missing units",
        description="Otherwise an account whose unit is not there is refused.",
    )
    off: Off = Field(
        default_factory=Off,
        title="Switched off",
        description="In Active Directory it is the account's own switch, and this is not used.",
    )
    groups: bool = Field(default=True, title="Manage groups")
    create_groups: bool = Field(default=False, title="Create missing groups")
    groups_dn: Text = Field(
        default="", title="Groups are under (DN)", description="Empty: where accounts are."
    )
    group_class: Literal["", "groupOfNames", "groupOfUniqueNames", "posixGroup", "group"] = Field(
        default="",
        title="Object class of groups",
        description="Empty: groupOfNames, and group in Active Directory.",
    )
    placeholder: Text = Field(
        default="",
        title="Member of empty groups (DN)",
        description="groupOfNames must have a member. Empty: who we sign in as.",
    )
    page_size: int = Field(
        default=500, ge=1, le=1000, title="Entries per page", description="When all are listed."
    )

    @property
    def naming(self) -> str:
        """The attribute that names an entry."""
        return self.rdn or self.profile.rdn

    @property
    def group_kind(self) -> str:
        return self.group_class or self.profile.groups

    @property
    def filler(self) -> str:
        """The DN that stands in where a group must not be empty."""
        return self.placeholder or (self.bind_dn if "=" in self.bind_dn else "")

    def named(self, attribute: str) -> str:
        """The directory's name for an account's attribute. Raises ValueError."""
        table = {**self.profile.attributes, **self.attributes}
        name = self.external_id if attribute == "externalId" else table.get(attribute, attribute)
        if not name and attribute == "externalId":
            return ""
        if not _ATTRIBUTE.fullmatch(name):
            raise ValueError(
                f"{attribute!r} is no attribute of a directory: name the one that it is kept in, "
                f"as in attributes: {{{attribute}: description}}"
            )
        return name

    @field_validator("people_dn", "groups_dn", "placeholder")
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

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if self.plain and self.is_active_directory and not is_loopback(self.host):
            raise ValueError("Active Directory sets passwords over encrypted connections only")
        if self.group_kind in {"groupOfNames", "groupOfUniqueNames"} and not self.filler:
            raise ValueError("placeholder is needed: such groups must have a member")
        return self


class LdapSecrets(BaseModel):
    """The credentials."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    password: SecretStr = Field(title="Password", description="Of the account that we sign in as.")

    @field_validator("password")
    @classmethod
    def _is_one(cls, value: SecretStr) -> SecretStr:
        # A name without a password is taken for nobody, and succeeds (RFC 4513, 5.1.2).
        if not value.get_secret_value():
            raise ValueError("expected a password that is not empty")
        return value
