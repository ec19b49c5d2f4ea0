"""The forms of an application's single sign-on page, read into the application as the document has
it. Knows no database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tenure.configuration.document import Application
from tenure.configuration.document_sso import SingleSignOn

FORMATS: Final = (
    ("", "As the application asks, else e-mail"),
    ("email", "E-mail address"),
    ("persistent", "Persistent: opaque, and always the same there"),
    ("transient", "Transient: another one at each sign-in"),
    ("unspecified", "Unspecified: whatever it likes"),
)
SIGNED: Final = (
    ("both", "The assertion and the whole response"),
    ("assertion", "The assertion"),
    ("response", "The whole response"),
)
#: Lines for further attributes beneath those that there are.
_SPARE: Final = 3
_MOST: Final = 60


@dataclass(frozen=True, slots=True)
class Line:
    """An attribute statement in the form."""

    name: str
    value: str
    friendly_name: str = ""
    format: str = "unspecified"
    wanted: bool = False


def lines_of(saml: Mapping[str, Any], wanted: Sequence[Any] = ()) -> list[Line]:
    """The statements that there are, those that its metadata asks for, and room for more."""
    there = {
        name: Line(name, item["value"], item.get("friendly_name", ""), item.get("format", ""))
        for name, item in sorted(saml.get("attributes", {}).items())
    }
    asked = [
        Line(one.name, "", one.friendly_name, wanted=True)
        for one in wanted
        if one.name not in there
    ]
    return [*there.values(), *asked, *(Line("", "") for _ in range(_SPARE))]


def by_address(given: Mapping[str, str]) -> dict[str, Any]:
    """Its metadata is read from there from now on; what was said by hand of the same goes."""
    return {"metadata_url": given.get("address", "").strip()}


def by_hand(given: Mapping[str, str]) -> dict[str, Any]:
    """The least that has to be known."""
    found: dict[str, Any] = {
        "entity_id": given.get("entity_id", "").strip(),
        "acs": [text for text in (one.strip() for one in given.get("acs", "").split()) if text],
    }
    if given.get("certificate", "").strip():
        found["certificates"] = [given["certificate"].strip()]
    if given.get("logout", "").strip():
        binding = given.get("binding", "redirect")
        found["logout"] = [{"binding": binding, "address": given["logout"].strip()}]
    return found


def told(application: Application, given: Mapping[str, str]) -> Application:
    """The application with other answers to "what is it told". Raises `ValidationError`."""
    sso = _sso(application)
    saml = {
        **sso.get("saml", {}),
        "name_id": given.get("name_id", "").strip() or None,
        "name_id_format": given.get("name_id_format", "") or None,
        "name_id_insist": bool(given.get("name_id_insist")),
        "sign": given.get("sign", "both"),
        "encrypt": bool(given.get("encrypt")),
        "signed_requests": _signed(sso.get("saml", {}), given),
        "relay_state": given.get("relay_state", "").strip(),
        "key": given.get("key", "").strip(),
        "attributes": _attributes(given),
    }
    account = "not_needed" if given.get("not_needed") else "required"
    return _with(
        application,
        {**sso, "saml": saml, "start": given.get("start", "").strip(), "account": account},
    )


def without(application: Application) -> Application:
    """Nobody signs in to it from here any more."""
    return application.model_copy(update={"single_sign_on": None})


def _signed(saml: Mapping[str, Any], given: Mapping[str, str]) -> bool | None:
    """Not ticked goes before what its metadata says."""
    if given.get("signed_requests"):
        return True
    return False if saml.get("metadata_url") else None


def _attributes(given: Mapping[str, str]) -> dict[str, Any]:
    found = {}
    for number in range(_MOST):
        name = given.get(f"name-{number}", "").strip()
        value = given.get(f"value-{number}", "").strip()
        if name and value:
            found[name] = {
                "value": value,
                "format": given.get(f"format-{number}", "") or "unspecified",
                "friendly_name": given.get(f"friendly-{number}", "").strip(),
            }
    return found


def _sso(application: Application) -> dict[str, Any]:
    there = application.single_sign_on
    if there is None:
        return {}
    found: dict[str, Any] = there.model_dump(mode="json", exclude_defaults=True)
    found.pop("oidc", None)
    return found


def _with(application: Application, sso: Mapping[str, Any]) -> Application:
    found = SingleSignOn.model_validate(dict(sso))
    return application.model_copy(update={"single_sign_on": found})
