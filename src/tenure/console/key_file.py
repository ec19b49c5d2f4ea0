"""The key file of a service account, as it is downloaded: what of it a form asks for stands in the
fields then, and nothing else of it is kept.

https://developers.google.com/identity/protocols/oauth2/service-account
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from django.core.files.uploadedfile import UploadedFile

from tenure.console.page import ConsoleRequest

#: The field in which a file is handed in, and the most that is read of it.
FIELD: Final = "keyfile"
_LARGEST: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class KeyFile:
    """Whose it is, and the private key in PEM."""

    account: str
    private_key: str


def read(text: str) -> KeyFile | None:
    """None where it is no JSON object. Raises `ValueError`, saying what it is instead of the key of
    a service account."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    account, key = found.get("client_email"), found.get("private_key")
    if isinstance(account, str) and isinstance(key, str):
        return KeyFile(account.strip(), key.strip())
    what = "of an OAuth client" if {"web", "installed"} & found.keys() else "another one"
    raise ValueError(
        f"This JSON file is {what}: it has no client_email and private_key. Open the service "
        "account, Keys, Add key, Create new key, JSON."
    )


def fill_in(request: ConsoleRequest, *, account: str, key: str) -> dict[str, str]:
    """What was handed in, or pasted whole where the key goes, put into the fields of this form.
    Returns what is wrong, by field."""
    handed = request.FILES.get(FIELD)
    pasted = request.POST.get(key, "").strip()
    text = pasted if pasted.startswith("{") else ""
    if isinstance(handed, UploadedFile):
        text = handed.read(_LARGEST).decode("utf-8", "replace")
    if not text:
        return {}
    given = request.POST.copy()
    given[key] = ""
    request.POST = given  # type: ignore[assignment]
    try:
        found = read(text)
    except ValueError as error:
        return {key: str(error)}
    if found is None:
        return {key: "This is no key file: expected JSON, as Google lets you download it once."}
    named = given.get(account, "").strip()
    if named and named.casefold() != found.account.casefold():
        return {
            key: f"This key is of {found.account}, and the service account is said to be {named}. "
            "Leave that field empty, or choose its own key."
        }
    given[account], given[key] = found.account, found.private_key
    return {}
