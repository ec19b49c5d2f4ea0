"""What entries of the catalogue are made of, whatever they describe: pages that were read, settings
and secrets that are asked for, numbered steps. Knows no database, page or command.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

AUTHENTICATION = {
    "bearer": "Bearer token",
    "api_key": "API key",
    "two_keys": "Two keys",
    "basic": "User name and password",
    "session": "Session",
    "oauth_code": "OAuth 2.0, authorised by an administrator",
    "oauth_client": "OAuth 2.0, client credentials",
    "service_account": "Service account (OAuth 2.0, signed)",
    "none": "None",
}
CHECKED = {
    "live": "Against the running application",
    "specification": "Against the published specification",
    "documentation": "Against the documentation only",
}
_PLACE = re.compile(r"\{([a-z][a-z0-9_]*)\}")


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
Address = Annotated[str, StringConstraints(pattern=r"^https://[^\s]+$", max_length=500)]


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from None
    return value


def _sentence(value: str) -> str:
    if value[-1] not in ".?!":
        raise ValueError("is not a sentence: it ends without a full stop")
    return value


Sentence = Annotated[Text, AfterValidator(_sentence)]


class Part(BaseModel):
    """A piece of an entry: no names but its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(Part):
    """A page that was read, and what of the entry rests on it."""

    address: Address
    title: Text
    read: date = Field(description="The day on which it was read.")
    supports: Text = Field(description="What of this entry it says.")
    by: Literal["vendor", "copy", "microsoft", "third party"] = Field(
        default="vendor",
        description="Whose words: the vendor's; a copy of the vendor's specification; Microsoft's "
        "tutorial for it; somebody else's, which is a lead and no proof.",
    )


class Setting(Part):
    """Something that differs from company to company, asked when the application is added."""

    name: Name
    title: Text
    hint: Text = Field(description="Where the reader finds it, in the application's own words.")
    example: Text
    pattern: Annotated[str, AfterValidator(_pattern)] = Field(
        default="", description="The whole value has this form."
    )
    default: str = Field(default="", description="What goes where nothing is said.")
    choices: tuple[str, ...] = ()


class Secret(Part):
    """A credential. Its name is one of the connector's or the reader's secrets."""

    name: Name
    title: Text
    hint: Text
    optional: bool = Field(default=False, description="It works without, only less of it.")


def _step(value: Any) -> Any:
    return {"text": value} if isinstance(value, str) else value


class Step(Part):
    """One thing to do. **bold**, `code` and [words](https://address) are all that is marked up."""

    text: Text
    copy_: Text | None = Field(
        default=None, alias="copy", description="A value to be pasted elsewhere, shown by itself."
    )


Steps = tuple[Annotated[Step, BeforeValidator(_step, json_schema_input_type=str | Step)], ...]


class Authentication(Part):
    """How Tenure is let in."""

    kind: Literal[
        "bearer",
        "api_key",
        "two_keys",
        "basic",
        "session",
        "oauth_code",
        "oauth_client",
        "service_account",
        "none",
    ]
    by: str = Field(default="", description="Who can make the credential.")
    scopes: tuple[str, ...] = ()
    explained: dict[str, Sentence] = Field(
        default_factory=dict, description="Scope -> what it is for, where one agrees to it."
    )
    ends: str = Field(default="", description="When it stops working by itself.")


class Checked(Part):
    """How somebody made sure that the entry is right."""

    how: Literal["live", "specification", "documentation"]
    against: Sentence
    on: date


class Common(Part):
    """What an application and a source of people have alike."""

    slug: Slug
    name: Text
    aliases: tuple[str, ...] = Field(default=(), description="Other names that people look for.")
    summary: Sentence
    vendor: Address = Field(description="The vendor's page.")
    colour: Annotated[str, StringConstraints(pattern=r"^#[0-9a-f]{6}$")]
    monogram: Annotated[str, StringConstraints(min_length=1, max_length=2)]
    hosting: tuple[Literal["cloud", "self-hosted"], ...] = Field(min_length=1)
    authentication: Authentication
    settings: tuple[Setting, ...] = ()
    secrets: tuple[Secret, ...] = ()
    traps: tuple[Sentence, ...] = ()
    confirmed: tuple[Sentence, ...] = ()
    not_confirmed: tuple[Sentence, ...] = ()
    sources: tuple[Source, ...] = Field(min_length=1)
    checked: Checked


def agrees(entry: Common, settings: Any, oauth: Any) -> None:
    """What stands for a setting or a secret is one that the entry has, and every setting's own
    example is right. Raises ValueError."""
    known = {setting.name for setting in entry.settings}
    authorising = {secret.name for secret in entry.secrets}
    places = places_in(settings) | (places_in(oauth) - authorising)
    for name in sorted(places - known):
        raise ValueError(f"{{{name}}} stands for a setting that there is not. Add {name}.")
    for setting in entry.settings:
        _agrees_with_itself(setting)


def places_in(value: Any) -> set[str]:
    """The settings and secrets that stand in `{}` in a value, at any depth."""
    return {name for text in texts_in(value) for name in _PLACE.findall(text)}


def _agrees_with_itself(setting: Setting) -> None:
    for what in ("example", "default"):
        value = getattr(setting, what)
        if value and (problem := wrong_value(setting, value)):
            raise ValueError(f"{setting.name}: its own {what} {value!r} {problem}")


def wrong_value(setting: Setting, value: str) -> str | None:
    """Why it cannot be the setting's value; None where it can."""
    if setting.choices and value not in setting.choices:
        return f"is not one of {', '.join(setting.choices)}."
    if setting.pattern and not re.fullmatch(setting.pattern, value):
        return f"does not have the right form. Expected one such as {setting.example}."
    return None


def texts_in(value: Any) -> Iterator[str]:
    """Every text in a value, at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from texts_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts_in(item)


def read_back(template: str, text: str) -> dict[str, str]:
    """What stands in `text` in the places of `{setting}`; nothing where it is no such text."""
    pattern, names = "", set[str]()
    for index, piece in enumerate(_PLACE.split(template)):
        if index % 2 == 0:
            pattern += re.escape(piece)
        else:
            pattern += f"(?P={piece})" if piece in names else f"(?P<{piece}>.+?)"
            names.add(piece)
    found = re.fullmatch(pattern, text)
    return found.groupdict() if found else {}


def filled(value: Any, answers: dict[str, str]) -> Any:
    """The value with `{setting}` replaced in every text of it; other braces stay."""
    if isinstance(value, str):
        return _PLACE.sub(lambda found: answers.get(found[1], found[0]), value)
    if isinstance(value, dict):
        return {key: filled(item, answers) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [filled(item, answers) for item in value]
    return value
