"""Secrets that were typed into a form which was refused, or shown again, for something else: sealed
in the session of whoever typed them, for the next try with the same form, and never sent back. The
page that is shown again carries a name of them, nothing more; a page that is opened anew has none.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from tenure.configuration.references import is_reference
from tenure.console.page import ConsoleRequest
from tenure.infra.clock import now
from tenure.infra.secrets import SecretError
from tenure.vault.services import box

#: A key for each form: two that are refused at the same time keep both.
_IN_SESSION: Final = "tried:"
#: The hidden field, and how long what it names is kept.
FIELD: Final = "tried"
_LIVES: Final = timedelta(minutes=30)
#: So many forms of one session at once: the oldest goes.
_MOST: Final = 4


@dataclass(frozen=True, slots=True)
class Tried:
    """What the page says of them: by which name they come back, and for which fields."""

    token: str = ""
    names: frozenset[str] = field(default_factory=frozenset)


def bring_back(request: ConsoleRequest) -> None:
    """Before a form is read: what was typed into it last time stands in the fields that were left
    empty. Once: a form that is refused again keeps them again."""
    token = request.POST.get(FIELD, "")
    entry: dict[str, Any] | None = request.session.pop(_IN_SESSION + token, None)
    if entry is None:
        return
    if entry["form"] != request.path or entry["until"] < now().timestamp():
        return
    given = request.POST.copy()
    for name, sealed in entry["sealed"].items():
        if given.get(name, "").strip():
            continue
        try:
            given[name] = box().open(sealed, bound_to=_bound(token, name))
        except SecretError:
            # The key is another one since: then it is typed again.
            continue
    request.POST = given  # type: ignore[assignment]


def keep(request: ConsoleRequest, prefix: str, wrong: Collection[str] = ()) -> Tried:
    """For the page that is shown again. `prefix` begins the names of the fields that are secret;
    those that are `wrong` themselves are not kept, nor what is only a reference."""
    typed = {
        name: text
        for name in request.POST
        if name.startswith(prefix)
        and name not in wrong
        and (text := str(request.POST[name])).strip()
        and not is_reference(text.strip())
    }
    if not typed:
        return Tried()
    token = secrets.token_urlsafe(12)
    keys = box()
    entry = {
        "form": request.path,
        "until": (now() + _LIVES).timestamp(),
        "sealed": {
            name: keys.seal(text, bound_to=_bound(token, name)) for name, text in typed.items()
        },
    }
    others = [key for key, _ in request.session.items() if key.startswith(_IN_SESSION)]
    for key in sorted(others, key=lambda one: request.session[one]["until"])[: -(_MOST - 1)]:
        del request.session[key]
    request.session[_IN_SESSION + token] = entry
    return Tried(token, frozenset(typed))


def _bound(token: str, name: str) -> str:
    return f"tried:{token}:{name}"
