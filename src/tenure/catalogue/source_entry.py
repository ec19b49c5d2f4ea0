"""The shape of one entry for a source of people: `sources/<slug>.yaml`. What it says of an HR
system was read in a page that it names, or stands under `not_confirmed`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from tenure.catalogue.parts import Common, Part, Sentence, Steps, Text, agrees, places_in

#: Category -> what people read, in the order in which they are shown.
SOURCE_CATEGORIES = {
    "hr": "HR systems",
    "directory": "Directories",
    "file": "Files and databases",
}
#: What may be got out of a source -> what people read.
SOURCE_CAPABILITIES = {
    "full": "Everybody",
    "delta": "Only what changed",
    "webhooks": "Webhooks",
    "write_back": "Takes values back",
}
ABSENCE = {
    "ignore": "Nothing: the source says itself who has left.",
    "leave": "Whoever is no longer in it has left.",
}

SourceCapability = Literal["full", "delta", "webhooks", "write_back"]
Column = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Reading(Part):
    """The reader and what it is told. `{setting}` in `settings` and `oauth` stands for a setting's
    value, and in `oauth` `{secret}` for where a secret is. `spec` stays as it is; its name,
    settings and secrets are the entry's, and need not be said again."""

    kind: Text
    settings: dict[str, Any] = Field(default_factory=dict)
    spec: dict[str, Any] = Field(
        default_factory=dict, description="How it is spoken to, as in the reader's reference."
    )
    oauth: dict[str, Any] = Field(
        default_factory=dict, description="How it is authorised by OAuth, as in tenure.yaml."
    )


class SourceInstructions(Part):
    """Numbered steps, in the order in which they are taken."""

    connect: Steps = Field(min_length=1, description="Rights, keys, what to fill in here.")
    webhooks: Steps = Field(default=(), description="So that changes come at once.")
    write_back: Steps = Field(default=(), description="So that addresses go back.")


class SourceEntry(Common):
    """One HR system, directory or other place that people come from."""

    kind: Literal["source"]
    category: Literal[tuple(SOURCE_CATEGORIES)]  # type: ignore[valid-type]  # one list for both
    plan: Text = Field(description="Which plan or edition of theirs it needs.")
    can: tuple[SourceCapability, ...] = Field(
        min_length=1, description="What Tenure does with it by this entry."
    )
    offers: tuple[SourceCapability, ...] = Field(
        default=(), description="What it offers besides, that this entry does not use."
    )
    reader: Reading
    interface: Sentence = Field(description="By what interface it is read, in words.")
    mapping: dict[str, Text] = Field(
        min_length=1, description='Attribute of a person -> expression over row["Column"].'
    )
    dates: tuple[str, ...] = ()
    statuses: dict[str, Literal["active", "on_leave", "left"]] = Field(default_factory=dict)
    manager_by: Literal["employee_number", "id"] = Field(
        default="employee_number",
        description="What `manager` holds; id: the source's own name of the manager's record.",
    )
    absence: Literal["ignore", "leave"] = "ignore"
    leavers: Sentence = Field(description="What a termination looks like.")
    joiners: Sentence = Field(description="What somebody before the first day looks like.")
    limits: Text = Field(description="How hard it may be asked, as the vendor says.")
    instructions: SourceInstructions

    @property
    def oauth_places(self) -> set[str]:
        """Settings and secrets that only authorising by OAuth needs."""
        return places_in(self.reader.oauth)

    @model_validator(mode="after")
    def _agrees(self) -> SourceEntry:
        agrees(self, self.reader.settings, self.reader.oauth)
        both = sorted(set(self.can) & set(self.offers))
        if both:
            raise ValueError(f"{', '.join(both)}: in `can` and in `offers`. Keep one.")
        if "employee_number" not in self.mapping:
            raise ValueError("employee_number is not in the mapping: people are told apart by it.")
        if self.statuses and "status" not in self.mapping:
            raise ValueError("`statuses` mean nothing before `status` is in the mapping.")
        return self


def json_schema() -> dict[str, Any]:
    """JSON Schema of an entry, for editors and for whoever writes one."""
    schema = SourceEntry.model_json_schema(by_alias=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "Entry of Tenure's catalogue: a source of people",
    }
