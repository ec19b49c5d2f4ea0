"""Secrets typed into the form of a source: sealed in the box; where they are is kept."""

from __future__ import annotations

from collections.abc import Mapping

from tenure.console import schema_form
from tenure.console.page import ConsoleRequest
from tenure.vault.services import keep


def taken(
    request: ConsoleRequest, slug: str, asked: Mapping[str, bool], known: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Name -> reference, and name -> what is wrong. `asked`: name -> whether it has to be there;
    `known`: those that were there before, which stay where nothing was typed."""
    found, errors = dict(known), {}
    for name, required in asked.items():
        text = schema_form.secret_text(request.POST.get(f"secret-{name}", ""))
        if text.startswith("${"):
            found[name] = text
        elif text:
            box = f"{slug}-{name}".replace("_", "-")
            try:
                keep(box, text)
            except ValueError as error:
                errors[name] = str(error)
                continue
            found[name] = f"${{box:{box}}}"
        elif required and name not in found:
            errors[name] = "This is needed."
    return found, errors
