"""How an application is reached, as a form: the settings of its connector, its credentials with
their last days, and the client by which it is authorised. Reads what was typed into what the
configuration document says; a secret that was typed is handed over to be sealed, and is in nothing
that is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pydantic import BaseModel

from tenure.applications.models import Application
from tenure.catalogue.filling import complete
from tenure.configuration.references import is_reference
from tenure.connectors.base import SettingsError
from tenure.connectors.registry import TOKEN, schemas
from tenure.console import look, oauth_form, schema_form
from tenure.console.schema_form import Field
from tenure.vault.services import Kept, kept

#: The parts of the document's application that this form may change.
KEYS: Final = frozenset({"settings", "secrets", "oauth", "expires"})
#: What is written in the catalogue or in a file, never in a field.
_WHOLE: Final = frozenset({"spec", "spec_file"})


@dataclass(frozen=True, slots=True)
class Secret:
    """A credential: the field to enter it, its last day, and when the one in use was entered."""

    field: Field
    last_day: Field | None
    kept_at: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """The whole form. `more` is what is seldom changed."""

    first: list[Field]
    more: list[Field]
    secrets: list[Secret]
    client: list[Field] = field(default_factory=list)
    client_more: list[Field] = field(default_factory=list)

    @property
    def fields(self) -> list[Field]:
        secrets = [f for s in self.secrets for f in (s.field, s.last_day) if f is not None]
        return [*self.first, *self.more, *secrets, *self.client, *self.client_more]

    @property
    def more_wrong(self) -> bool:
        """Whether what is folded away has a mistake in it."""
        return any(one.error for one in self.more)

    @property
    def client_more_wrong(self) -> bool:
        return any(one.error for one in self.client_more)


@dataclass(frozen=True, slots=True)
class Typed:
    """What the application is to be, the secrets to be sealed by the name that they will have in
    the box, and what is wrong by field."""

    wanted: dict[str, Any]
    sealed: dict[str, str]
    errors: dict[str, str]


def shown(
    application: Application,
    plain: Mapping[str, Any],
    *,
    given: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> Shown:
    """The fields with what is stored, or with what was typed where that was refused."""
    wrong = errors or {}
    settings, secrets = _schemas(application)
    stored = plain.get("settings") or {}
    fields = [
        replace(one, error=wrong.get(one.name, ""))
        for one in schema_form.fields(settings, stored, skip=_WHOLE)
    ]
    front = [one for one in fields if one.required or _is_set(one, stored)]
    oauth = plain.get("oauth") or {}
    client = oauth_form.shown(oauth, wrong)
    whole = Shown(
        front,
        [one for one in fields if one not in front],
        _secrets(application.slug, secrets, plain, wrong),
        client.first,
        client.more,
    )
    return whole if given is None else _typed_again(whole, given)


def read(application: Application, base: Mapping[str, Any], given: Mapping[str, str]) -> Typed:
    """What was typed into a form that was shown of `base`. Where somebody replaced a secret
    meanwhile, that is a mistake of whoever typed another one."""
    settings, secrets = _schemas(application)
    stored = dict(base.get("settings") or {})
    found, problems = schema_form.settings(settings, given, was=stored, skip=_WHOLE)
    errors = {f"set-{name}": text for name, text in problems.items()}
    wanted = {**base, "settings": found}
    sealed: dict[str, str] = {}
    oauth = dict(base.get("oauth") or {})
    if oauth:
        client, wrong = oauth_form.read(oauth, given)
        errors |= wrong
        for name in oauth_form.secrets(oauth):
            client = _entered(application, name, given, client, sealed)
        wanted["oauth"] = client
    references = dict(base.get("secrets") or {})
    for name in _named(secrets, oauth):
        references = _entered(application, name, given, references, sealed)
    wanted["secrets"] = references
    wanted["expires"] = _last_days(base, references, given)
    errors |= _refused(secrets, sealed, application)
    errors |= _replaced_meanwhile(application, given, sealed)
    return Typed(wanted, sealed, errors)


def errors_by_field(problems: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """(field -> what is wrong, what is wrong otherwise) of problems by path in the document."""
    fields: dict[str, str] = {}
    others = []
    heads = {
        "settings": "set-",
        "secrets": "secret-",
        "oauth": oauth_form.PREFIX,
        "expires": "expires-",
    }
    for path, text in problems.items():
        head, _, rest = path.partition(".")
        name = rest.split(".")[0].split("[")[0]
        if head == "oauth" and name in ("client_secret", "private_key"):
            head = "secrets"
        if head in heads and name:
            fields[f"{heads[head]}{name}"] = text
        else:
            others.append(text if head in KEYS or not path else f"{path}: {text}")
    return fields, others


def box(slug: str, name: str) -> str:
    """Where a secret that somebody enters for an application is kept. No source has such a name:
    none has a full stop."""
    return f"{slug}.{name}"


def _schemas(application: Application) -> tuple[type[BaseModel], type[BaseModel]]:
    whole = complete(application.catalogue_entry, application.connector, application.settings)
    try:
        return schemas(application.connector, whole)
    except SettingsError:
        # A specification that is wrong is said when it is tested; the rest can be mended here.
        return BaseModel, BaseModel


def _is_set(one: Field, stored: Mapping[str, Any]) -> bool:
    return _bare(one) in stored and one.kind != "yaml"


def _bare(one: Field) -> str:
    return one.name.partition("-")[2]


def _named(schema: type[BaseModel], oauth: Mapping[str, Any]) -> list[str]:
    return [name for name in schema.model_fields if not (oauth and name == TOKEN)]


def _secrets(
    slug: str, schema: type[BaseModel], plain: Mapping[str, Any], wrong: Mapping[str, str]
) -> list[Secret]:
    oauth = plain.get("oauth") or {}
    references = plain.get("secrets") or {}
    expires = plain.get("expires") or {}
    entered = {one.name: one for one in kept()}
    found = []
    for one in schema_form.secret_fields(schema, references):
        name = _bare(one)
        if oauth and name == TOKEN:
            continue
        last_day = Field(
            f"expires-{name}",
            "Last day",
            "If it dies by itself: you are told three weeks ahead.",
            str(expires.get(name, "")),
            kind="date",
            error=wrong.get(f"expires-{name}", ""),
        )
        found.append(_secret(slug, one, last_day, entered, wrong))
    for name in oauth_form.secrets(oauth):
        one = oauth_form.secret_field(name, oauth)
        found.append(_secret(slug, one, None, entered, wrong))
    return found


def _secret(
    slug: str,
    one: Field,
    last_day: Field | None,
    entered: Mapping[str, Kept],
    wrong: Mapping[str, str],
) -> Secret:
    is_there = entered.get(one.value.removeprefix("${box:").removesuffix("}"))
    ours = entered.get(box(slug, _bare(one)))
    hint = one.hint
    if is_there is not None:
        hint += f" The one in use was entered by {is_there.kept_by}, {look.ago(is_there.kept_at)}."
    told = replace(one, hint=hint.strip(), error=wrong.get(one.name, ""))
    return Secret(told, last_day, ours.kept_at.isoformat() if ours else "")


def _entered(
    application: Application,
    name: str,
    given: Mapping[str, str],
    references: Mapping[str, Any],
    sealed: dict[str, str],
) -> dict[str, Any]:
    """The references with what was typed for this one: another reference, or the secret."""
    text = schema_form.secret_text(given.get(f"secret-{name}", ""))
    if not text:
        return dict(references)
    if text.startswith("${"):
        return {**references, name: text}
    sealed[name] = text
    return {**references, name: f"${{box:{box(application.slug, name)}}}"}


def _last_days(
    base: Mapping[str, Any], references: Mapping[str, Any], given: Mapping[str, str]
) -> dict[str, Any]:
    found = dict(base.get("expires") or {})
    for name in references:
        if f"expires-{name}" in given:
            day = given[f"expires-{name}"].strip()
            found.pop(name, None)
            found |= {name: day} if day else {}
    return found


def _refused(
    schema: type[BaseModel], sealed: Mapping[str, str], application: Application
) -> dict[str, str]:
    """What the connector says of secrets that were typed. They are in no message."""
    mine = {name: text for name, text in sealed.items() if name in schema.model_fields}
    if not mine:
        return {}
    others = {name: "${later}" for name in schema.model_fields if name not in mine}
    wrong = schema_form.problems(schema, {**others, **mine})
    return {f"secret-{name}": text for name, text in wrong.items() if name in mine}


def _replaced_meanwhile(
    application: Application, given: Mapping[str, str], sealed: Mapping[str, str]
) -> dict[str, str]:
    there = {one.name: one for one in kept()}
    found = {}
    for name in sealed:
        now = there.get(box(application.slug, name))
        if now is not None and now.kept_at.isoformat() != given.get(f"kept-{name}", ""):
            found[f"secret-{name}"] = (
                f"{now.kept_by} entered another one {look.ago(now.kept_at)}, while you wrote. "
                "Yours was not kept: enter it again if it is the right one."
            )
    return found


def _typed_again(whole: Shown, given: Mapping[str, str]) -> Shown:
    """With what was typed in place of what is stored; secrets are not sent back."""

    def put(one: Field) -> Field:
        if one.kind in ("secret", "key"):
            text = given.get(one.name, "").strip()
            return replace(one, value=text) if is_reference(text) else one
        return replace(one, value=given.get(one.name, ""))

    return Shown(
        [put(one) for one in whole.first],
        [put(one) for one in whole.more],
        [
            replace(s, field=put(s.field), last_day=put(s.last_day) if s.last_day else None)
            for s in whole.secrets
        ],
        [put(one) for one in whole.client],
        [put(one) for one in whole.client_more],
    )
