"""What an administrator says about the files that one application takes. Forms are generated from
these schemas.

They must not know what the connector does with them.
"""

from __future__ import annotations

import codecs
import re
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    field_validator,
    model_validator,
)

from tenure.connectors.http import Timeouts
from tenure.connectors.sftp import Sftp

Text = Annotated[str, StringConstraints(strip_whitespace=True)]
_FILE_NAME = re.compile(r"[\w.-]+\.\w+")
#: What a column can show beside the account's attributes.
ID, ACTIVE, GROUPS, ACTION = "id", "active", "groups", "action"
SPECIAL = frozenset({ID, ACTIVE, GROUPS, ACTION})


class HandoverSettings(BaseModel):
    """Where the files go, and what they look like."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)] = Field(
        title="Folder",
        description="Where the application looks for files. It has to be there.",
        examples=["/srv/handover/payroll"],
    )
    sftp: Sftp | None = Field(
        default=None, title="By SFTP", description="Where the folder is on another machine."
    )
    file: Text = Field(
        default="accounts.csv",
        title="Name of the file",
        description="With changes, its time comes before the ending.",
    )
    what: Literal["full", "changes"] = Field(
        default="full",
        title="What is handed over",
        description="full: all accounts, in one file that is replaced. changes: what changed, in a "
        "new file each time.",
    )
    columns: dict[str, str] = Field(
        default_factory=dict,
        title="Columns",
        description="Heading to account attribute, in their order; also id, active, groups, "
        "action. Empty: everything that is mapped, by its own name, and active.",
    )
    header: bool = Field(default=True, title="First line has the headings")
    delimiter: str = Field(default=",", min_length=1, max_length=1, title="Between columns")
    separator: str = Field(default=";", min_length=1, title="Between several values in a column")
    quote: Literal["needed", "all"] = Field(default="needed", title="What is in quotes")
    line_end: Literal["crlf", "lf"] = Field(default="crlf", title="End of lines")
    encoding: Text = Field(default="utf-8", title="Encoding")
    on: Text = Field(default="true", title="What active says for who is on")
    off: Text = Field(default="false", title="What active says for who is off")
    with_disabled: bool = Field(
        default=True,
        title="Rows of who is switched off",
        description="Otherwise the full file has only those who are on.",
    )
    state: Text = Field(
        default="",
        title="File that remembers",
        description="What was handed over last, in the same folder. Empty: the file's name and "
        ".state.json. The application has to leave it alone.",
    )
    groups: bool = Field(default=True, title="Manage groups")
    page_size: int = Field(default=1000, ge=1, le=10_000, title="Accounts per page")
    timeouts: Timeouts = Field(default_factory=Timeouts, title="Time-outs")

    @property
    def remembered(self) -> str:
        return self.state or f"{self.file}.state.json"

    @field_validator("file", "state")
    @classmethod
    def _is_a_file_name(cls, value: str) -> str:
        if value and not _FILE_NAME.fullmatch(value):
            raise ValueError("expected the name of a file with an ending, such as accounts.csv")
        return value

    @field_validator("encoding")
    @classmethod
    def _is_an_encoding(cls, value: str) -> str:
        try:
            codecs.lookup(value)
        except LookupError:
            raise ValueError("no such encoding; utf-8, utf-8-sig and cp1252 are usual") from None
        return value

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if self.remembered == self.file:
            raise ValueError("state: the file that remembers needs a name of its own")
        if self.on == self.off:
            raise ValueError("on and off say the same")
        if self.what == "full" and ACTION in self.columns.values():
            raise ValueError("columns: action goes with changes only")
        return self


class HandoverSecrets(BaseModel):
    """Of the SFTP server; none for a folder of this machine."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    password: SecretStr | None = Field(default=None, title="Password, or of the key")
    private_key: SecretStr | None = Field(
        default=None, title="Private key", description="OpenSSH or PEM."
    )
