"""What the page of an application's single sign-on shows and takes: the settings that a form can
change, as text, and back. What is not in the form stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from tenure.configuration import editing
from tenure.configuration.document import Application
from tenure.configuration.problems import ConfigurationError
from tenure.configuration.reading import explain

_AUTHENTICATION: Final = ("client_secret_basic", "client_secret_post", "none")


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of the form. `lines`: one value a line."""

    name: str
    label: str
    hint: str
    of_protocol: bool = True
    lines: bool = False
    choices: tuple[str, ...] = ()
    value: str = ""
    error: str = ""


_OIDC: Final = (
    Setting(
        "redirect_uris",
        "Redirect URIs",
        "Where answers may be sent, one a line, exactly as the application shows them. Also called "
        "callback or reply URL.",
        lines=True,
    ),
    Setting(
        "token_endpoint_auth_method",
        "How it proves who it is",
        "none: a program in a browser or on a phone, which can keep no secret.",
        choices=_AUTHENTICATION,
    ),
    Setting(
        "initiate_login_uri",
        "Address that begins a sign-in",
        "The portal's tile leads there. Empty: to the beginning of its redirect URI.",
    ),
    Setting(
        "backchannel_logout_uri",
        "Back-channel logout",
        "Where it is told at once that somebody's session has ended. Empty: it learns of it when "
        "its tokens are refused.",
    ),
    Setting(
        "post_logout_redirect_uris",
        "After signing out",
        "Where it may send people after it has signed them out here, one a line.",
        lines=True,
    ),
)
_SHARED: Final = (
    Setting(
        "networks",
        "Only from these networks",
        "As CIDR, one a line: 203.0.113.0/24. Empty: from anywhere.",
        of_protocol=False,
        lines=True,
    ),
    Setting(
        "passkey_within",
        "Fresh passkey",
        "The passkey must have been used within so long: PT15M. Empty: within the session.",
        of_protocol=False,
    ),
    Setting(
        "account",
        "Account",
        "required: nobody is sent there before their account is open.",
        of_protocol=False,
        choices=("required", "not_needed"),
    ),
    Setting(
        "ask",
        "Whom to ask",
        "Told to somebody who is refused. Empty: the application's owner.",
        of_protocol=False,
    ),
)


def form_of(
    stored: Mapping[str, Any] | None,
    given: Mapping[str, str] | None = None,
    problems: Mapping[str, str] | None = None,
) -> list[Setting]:
    """The lines of the form for OpenID Connect: as they are stored, or as they were typed."""
    sso = stored or {}
    return [
        Setting(
            item.name,
            item.label,
            item.hint,
            item.of_protocol,
            item.lines,
            item.choices,
            value=(given or {}).get(item.name, _text(item, sso)),
            error=(problems or {}).get(item.name, ""),
        )
        for item in (*_OIDC, *_SHARED)
    ]


def save(slug: str, given: Mapping[str, str], *, seen: str) -> dict[str, str]:
    """Store what the form says. Returns what is wrong, by line of the form ("": elsewhere); empty
    where it is done. Raises `editing.Overtaken`, `LookupError`."""
    plain = editing.plain("applications", slug)
    if plain is None:
        raise LookupError(f"There is no application {slug!r}.")
    entitlements = [{"key": key, **item} for key, item in plain["entitlements"].items()]
    whole = {**plain, "entitlements": entitlements, "single_sign_on": _merged(plain, given)}
    try:
        editing.edit("applications", slug, Application.model_validate(whole), seen=seen)
    except ValidationError as error:
        return {_line(item["loc"]): explain(dict(item)) for item in error.errors(include_url=False)}
    except ConfigurationError as error:
        return {
            _line(tuple(problem.path.replace("[", ".").split("."))): problem.message
            for problem in error.problems
        }
    return {}


def turn_off(slug: str, *, seen: str) -> None:
    """Nobody signs in to it from here any more. Raises `editing.Overtaken`, `LookupError`."""
    plain = editing.plain("applications", slug)
    if plain is None:
        raise LookupError(f"There is no application {slug!r}.")
    entitlements = [{"key": key, **item} for key, item in plain["entitlements"].items()]
    whole = {**plain, "entitlements": entitlements, "single_sign_on": None}
    editing.edit("applications", slug, Application.model_validate(whole), seen=seen)


def _merged(plain: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """What is stored, with what the form says in its place; empty is the default."""
    sso = dict(plain.get("single_sign_on") or {})
    client = dict(sso.get("oidc") or {})
    for item in (*_OIDC, *_SHARED):
        where = client if item.of_protocol else sso
        text = given.get(item.name, "").strip()
        where.pop(item.name, None)
        if item.lines:
            where[item.name] = [line.strip() for line in text.splitlines() if line.strip()]
        elif text:
            where[item.name] = text
    sso["oidc"] = client
    return sso


def _text(item: Setting, sso: Mapping[str, Any]) -> str:
    where = (sso.get("oidc") or {}) if item.of_protocol else sso
    value = where.get(item.name)
    if item.lines:
        return "\n".join(value or ())
    return str(value or (item.choices[0] if item.choices else ""))


def _line(path: tuple[Any, ...]) -> str:
    """Which line of the form a problem at this path belongs to."""
    names = {item.name for item in (*_OIDC, *_SHARED)}
    return next((str(part) for part in path if part in names), "")
