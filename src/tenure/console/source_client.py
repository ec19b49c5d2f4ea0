"""How a source of a kind is let in, as part of its form: by a token, or by OAuth with a client of
one of the grants. Which one is chosen by a link; what was typed for it is read here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tenure.connectors.oauth import Grant
from tenure.connectors.registry import TOKEN
from tenure.console import key_file, oauth_form, schema_form, typed_secrets
from tenure.console.page import ConsoleRequest
from tenure.readers.registry import reader_class
from tenure.setup.looking import takes_file

#: The field, and the way that is no grant.
FIELD: Final = "by"
BY_TOKEN: Final = "token"
_WAYS: Final = (
    (BY_TOKEN, "A token"),
    *((grant.value, words) for grant, words in oauth_form.WORDS.items()),
)


#: What a client has, whatever its grant.
_COMMON: Final = (
    *("client_id", "client_secret", "client_authentication", "token_url", "revoke_url"),
    *("scopes", "allow_http"),
)


@dataclass(frozen=True, slots=True)
class Shown:
    """The part of the form. `ways`: (value, words, whether it is the one)."""

    ways: list[tuple[str, str, bool]]
    by: str
    client: oauth_form.Client
    secrets: list[schema_form.Field]
    last_days: list[schema_form.Field]

    @property
    def signs(self) -> bool:
        return self.by == Grant.JWT_BEARER.value

    @property
    def agreed(self) -> bool:
        return self.by == Grant.AUTHORIZATION_CODE.value

    @property
    def more_wrong(self) -> bool:
        return any(one.error for one in self.client.more)


def has_ways(kind: str) -> bool:
    """Whether a source of this kind can be let in by OAuth as well as by a token."""
    takes = TOKEN in reader_class(kind).Secrets.model_fields or kind == "rest"
    return takes and not takes_file(kind)


def chosen(request: ConsoleRequest, kind: str, definition: Mapping[str, Any]) -> dict[str, Any]:
    """How it is to be authorised: what the definition says, or the beginnings of another way that
    was chosen. {} where by a token."""
    there = dict(definition.get("oauth") or {})
    if not has_ways(kind):
        return there
    by = request.POST.get(FIELD, request.GET.get(FIELD, ""))
    if by == BY_TOKEN:
        return {}
    if by not in {value for value, _ in _WAYS}:
        return there
    if there and oauth_form.grant_of(there).value == by:
        return there
    return {**{name: there[name] for name in _COMMON if name in there}, "grant": by}


def shown(
    request: ConsoleRequest,
    kind: str,
    slug: str,
    oauth: Mapping[str, Any],
    errors: Mapping[str, str],
) -> Shown | None:
    """None where there is nothing to choose."""
    if not has_ways(kind):
        return None
    by = oauth_form.grant_of(oauth).value if oauth else BY_TOKEN
    # A specification says itself what else than a token it takes.
    first = {BY_TOKEN: "As its specification says"} if kind == "rest" else {}
    return Shown(
        ways=[(value, first.get(value, words), value == by) for value, words in _WAYS],
        by=by,
        client=oauth_form.shown(oauth, errors),
        secrets=[
            schema_form.with_error(oauth_form.secret_field(name, oauth), errors.get(name, ""))
            for name in oauth_form.secrets(oauth)
        ],
        last_days=[
            typed_secrets.last_day(request, slug, name)
            for name in oauth_form.secrets(oauth)
            if name == "client_secret"
        ],
    )


def read(
    request: ConsoleRequest, slug: str, oauth: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """What was typed for a client that is authorised by OAuth, and what is wrong by field. Its
    secret is sealed. Call it within the transaction that keeps the rest."""
    wrong: dict[str, str] = {}
    names = oauth_form.secrets(oauth)
    if "private_key" in names:
        handed = key_file.fill_in(
            request, account=f"{oauth_form.PREFIX}issuer", key="secret-private_key"
        )
        wrong = {name.removeprefix("secret-"): text for name, text in handed.items()}
    known = {name: str(oauth[name]) for name in names if oauth.get(name)}
    found, missing = typed_secrets.taken(request, slug, dict.fromkeys(names, True), known)
    posted = {key: str(value) for key, value in request.POST.items()}
    # One that is missing is said in its own field.
    secrets = {name: found.get(name, "${env:MISSING}") for name in names}
    client, problems = oauth_form.read({**oauth, **secrets}, posted)
    return {**client, **{n: found.get(n, "") for n in names}}, {**problems, **missing, **wrong}
