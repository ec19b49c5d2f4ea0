"""The client by which an application or a source is authorised, as a form: of each grant what it
needs, and nothing of the others. Knows neither applications nor sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from tenure.connectors.oauth import Grant, OAuthSettings
from tenure.console import schema_form
from tenure.console.schema_form import Field

PREFIX: Final = "oauth-"
#: Each grant as people say it.
WORDS: Final = {
    Grant.AUTHORIZATION_CODE: "An administrator agrees in a browser",
    Grant.CLIENT_CREDENTIALS: "A client with rights of its own",
    Grant.JWT_BEARER: "A service account",
}
_SECRETS: Final = {
    Grant.AUTHORIZATION_CODE: ("client_secret",),
    Grant.CLIENT_CREDENTIALS: ("client_secret",),
    Grant.JWT_BEARER: ("private_key",),
}
_FIRST: Final = frozenset({"client_id", "scopes", "issuer", "subject"})
_NEEDED: Final = {
    Grant.AUTHORIZATION_CODE: frozenset({"authorize_url", "token_url", "client_id"}),
    Grant.CLIENT_CREDENTIALS: frozenset({"token_url", "client_id"}),
    Grant.JWT_BEARER: frozenset({"token_url", "issuer"}),
}
_ONLY: Final = {
    Grant.AUTHORIZATION_CODE: ("authorize_url", "parameters"),
    Grant.JWT_BEARER: ("issuer", "subject", "audience", "key_id", "algorithm"),
}
_LABELS: Final = {
    "client_id": "Client ID",
    "client_secret": "Client secret",
    "private_key": "Private key",
    "authorize_url": "Address of the page where you agree",
    "token_url": "Address for tokens",
    "revoke_url": "Address for giving tokens back",
    "issuer": "Service account",
    "subject": "On whose behalf",
}
_HINTS: Final = {
    "authorize_url": "Where an administrator is sent to agree: https://hr.example.com/authorize.",
    "token_url": "Where a code or a secret becomes a token: https://hr.example.com/token.",
    "client_id": "As it is shown there.",
    "scopes": "What Tenure asks to be allowed there, as its documentation names it.",
    "client_secret": "As it is shown there.",
    "private_key": "In PEM, or the whole key file (JSON).",
    "issuer": "As it is called there, such as tenure@project.iam.gserviceaccount.com.",
    "subject": "An administrator there, where it wants that.",
}


@dataclass(frozen=True, slots=True)
class Client:
    """Its fields; `more` is what is seldom changed."""

    first: list[Field] = field(default_factory=list)
    more: list[Field] = field(default_factory=list)


def grant_of(oauth: Mapping[str, Any]) -> Grant:
    """How it is authorised."""
    return Grant(oauth.get("grant") or Grant.AUTHORIZATION_CODE)


def shown(oauth: Mapping[str, Any], wrong: Mapping[str, str]) -> Client:
    """With what is stored. What has to be told and is not is among the first."""
    if not oauth:
        return Client()
    needed = _NEEDED[grant_of(oauth)]
    fields = [
        _named(replace(one, required=_bare(one) in needed, error=wrong.get(one.name, "")))
        for one in schema_form.fields(OAuthSettings, oauth, prefix=PREFIX, skip=_skipped(oauth))
    ]
    first = [
        one
        for one in fields
        if _bare(one) in _FIRST or (one.required and not oauth.get(_bare(one)))
    ]
    return Client(first, [one for one in fields if one not in first])


def read(
    oauth: Mapping[str, Any], given: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """What was typed, and what is wrong by field. Its secret is not among it."""
    found, wrong = schema_form.settings(
        OAuthSettings, given, prefix=PREFIX, was=oauth, skip=_skipped(oauth)
    )
    missing = sorted(name for name in _NEEDED[grant_of(oauth)] if not found.get(name))
    wrong |= dict.fromkeys(missing, "This is needed.")
    if missing:
        # Said in each field, it is not said of the whole.
        wrong.pop("as_a_whole", None)
    return found, {f"{PREFIX}{name}": text for name, text in wrong.items()}


def secrets(oauth: Mapping[str, Any]) -> tuple[str, ...]:
    """Which of its settings are secret: none where it is not authorised by OAuth."""
    return _SECRETS[grant_of(oauth)] if oauth else ()


def secret_field(name: str, oauth: Mapping[str, Any]) -> Field:
    """The field of one of them."""
    return _named(
        Field(
            f"secret-{name}",
            name,
            _HINTS[name],
            str(oauth.get(name, "")),
            schema_form.secret_kind(name),
            required=True,
        )
    )


def _named(one: Field) -> Field:
    bare = _bare(one)
    return replace(one, label=_LABELS.get(bare, one.label), hint=_HINTS.get(bare, one.hint))


def _bare(one: Field) -> str:
    return one.name.partition("-")[2]


def _skipped(oauth: Mapping[str, Any]) -> frozenset[str]:
    """What decides of the others, what is secret, and what the other grants need."""
    mine = grant_of(oauth)
    others = {name for grant, names in _ONLY.items() if grant != mine for name in names}
    signs = {"client_id", "client_authentication"} if mine is Grant.JWT_BEARER else set()
    return frozenset({"grant", "client_secret", "private_key", *others, *signs})
