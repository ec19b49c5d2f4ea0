"""What an application is told of a person: the subject's name and the attribute statements, by the
same expressions as in provisioning."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

from tenure.configuration.document_saml import Saml
from tenure.core.expressions import AttributeType, ExpressionError, MissingAttribute, compile_value
from tenure.core.groups import ATTRIBUTE as GROUPS
from tenure.core.model import Attributes, Value
from tenure.people.models import Person
from tenure.people.services import schema
from tenure.saml.assertions import Statement
from tenure.saml.names import NAME_FORMATS, NAME_ID_FORMATS
from tenure.sso.models import ApplicationSession, Protocol
from tenure.vault.services import ours

#: From which opaque names are derived, in the vault.
SECRET: Final = "sso.saml.names"
_LONGEST_NAME: Final = 256
_E_MAIL: Final = "user.email"


class CannotTell(ValueError):
    """The person lacks something that the application is to be told. str() says what and what to
    do."""


def name_id(
    saml: Saml,
    form: str,
    person: Person,
    attributes: Attributes,
    *,
    entity_id: str,
    session: ApplicationSession | None = None,
) -> str:
    """The subject's name in this form. Of a session that goes on, a name for the session stays.
    Raises `CannotTell`."""
    if form == NAME_ID_FORMATS["transient"]:
        same = session is not None and session.details.get("format") == form
        return session.subject if session and same else f"_{secrets.token_hex(20)}"
    if form == NAME_ID_FORMATS["persistent"] and saml.name_id is None:
        return _opaque(person, entity_id)
    found = _value("The name (NameID)", saml.name_id or _E_MAIL, attributes)
    text = found[0] if len(found) == 1 else ""
    if not text.strip() or len(text) > _LONGEST_NAME:
        raise CannotTell(
            f"The name (NameID) of {person.display_name} came out as {text[:80]!r}. Expected a "
            f"text of at most {_LONGEST_NAME} characters: correct `name_id`, or what it reads."
        )
    return text


def statements(saml: Saml, attributes: Attributes) -> list[Statement]:
    """The attribute statements; one that comes out empty is left out. Raises `CannotTell`."""
    found = []
    for name, attribute in saml.attributes.items():
        values = tuple(text for text in _value(name, attribute.value, attributes) if text)
        if values:
            form = NAME_FORMATS[attribute.format]
            found.append(Statement(name, values, form, attribute.friendly_name))
    return found


def _value(what: str, source: str, attributes: Attributes) -> list[str]:
    try:
        known = schema() | {GROUPS: AttributeType.STRINGS}
        found = compile_value(source, known).value(attributes)
    except MissingAttribute as error:
        if error.name == GROUPS:
            # Who is in no group is told of as that: nothing is missing.
            return []
        raise CannotTell(f"{what}: {error}") from error
    except ExpressionError as error:
        raise CannotTell(f"{what}: {error}") from error
    return [_checked(what, text) for text in _texts(found)]


def _texts(value: Value | None) -> list[str]:
    if value is None:
        return []
    if isinstance(value, bool):
        return ["true" if value else "false"]
    if isinstance(value, str | int | float):
        return [str(value)]
    return list(value)


def _checked(what: str, text: str) -> str:
    """XML has no way to write control characters."""
    if any((ord(c) < 32 and c not in "\t\n\r") or ord(c) in (0xFFFE, 0xFFFF) for c in text):
        raise CannotTell(f"{what} has control characters in it, which XML cannot carry.")
    return text


def _opaque(person: Person, entity_id: str) -> str:
    """Always the same for this person there, says nothing of them, and is another one elsewhere
    (Core section 8.3.7)."""
    text = f"{entity_id}\0{person.uid}".encode()
    return hmac.new(_secret(), text, hashlib.sha256).hexdigest()


def _secret() -> bytes:
    """Kept, for with another one everybody is somebody else."""
    return bytes.fromhex(ours(SECRET, lambda: secrets.token_hex(32)))


def session_of(portal_session: int, application: int) -> ApplicationSession | None:
    """The session at the application that this browser has already."""
    return ApplicationSession.objects.filter(
        portal_session=portal_session,
        application=application,
        protocol=Protocol.SAML,
        ended_at=None,
    ).first()
