"""A source of people as Markdown: its page in docs/integrations and for `tenure catalogue show`."""

from __future__ import annotations

from collections.abc import Iterable

from tenure.catalogue.pages import list_of, numbered, provenance, table
from tenure.catalogue.parts import AUTHENTICATION
from tenure.catalogue.source_entry import (
    ABSENCE,
    SOURCE_CAPABILITIES,
    SOURCE_CATEGORIES,
    SourceEntry,
)

_MANAGERS = {
    "employee_number": "Named by their employee number.",
    "id": "Named by the id of their record.",
}
_MEANS = {"active": "here", "on_leave": "on leave", "left": "gone"}


def source_page(entry: SourceEntry, block: str = "") -> str:
    """Everything that is known of one source. `block` is a ready part of tenure.yaml."""
    steps = entry.instructions
    parts = [
        f"# {entry.name}",
        entry.summary,
        table(("", ""), source_facts(entry)),
        "## Connect it",
        numbered(steps.connect),
        *(("## Changes at once", numbered(steps.webhooks)) if steps.webhooks else ()),
        *_written_back(entry),
        *_asked(entry),
        *_block(entry, block),
        "## What becomes of it",
        table(("attribute", "from"), ((f"`{k}`", f"`{v}`") for k, v in entry.mapping.items())),
        *_statuses(entry),
        *list_of("What to mind", entry.traps),
        *list_of("Confirmed in the sources", entry.confirmed),
        *list_of("Not confirmed", entry.not_confirmed),
        "## Sources",
        provenance(entry),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _written_back(entry: SourceEntry) -> Iterable[str]:
    if not entry.instructions.write_back:
        return ()
    write = ((entry.reader.spec or {}).get("people") or {}).get("write") or {}
    columns = [f"`{name}`" for name in write.get("columns", ())]
    takes = ", ".join(columns) or "any attribute that it reads, such as `mail`"
    return (
        "## Writing addresses back",
        numbered(entry.instructions.write_back),
        f"It takes back {takes}. Say so in `write_back`, and see first what that would do: "
        "[how](../how-to/write-names-back.md).",
    )


def source_facts(entry: SourceEntry) -> list[tuple[str, str]]:
    """What it is and how it is read, as (label, value)."""
    signed = AUTHENTICATION[entry.authentication.kind]
    if entry.authentication.by:
        signed += f", made by {entry.authentication.by}"
    return [
        (label, value)
        for label, value in (
            ("Kind", SOURCE_CATEGORIES[entry.category]),
            ("Vendor", f"<{entry.vendor}>"),
            ("Runs", " or ".join(entry.hosting)),
            ("Tenure gets", ", ".join(SOURCE_CAPABILITIES[name].lower() for name in entry.can)),
            (
                "It offers besides",
                ", ".join(SOURCE_CAPABILITIES[name].lower() for name in entry.offers),
            ),
            ("Interface", entry.interface),
            ("Plan", entry.plan),
            ("Authentication", signed),
            ("Scopes", _scopes(entry)),
            ("Ends", entry.authentication.ends),
            ("Limits", entry.limits),
            ("Before the first day", entry.joiners),
            ("When somebody leaves", entry.leavers),
            ("Managers", _MANAGERS[entry.manager_by] if "manager" in entry.mapping else ""),
            ("Who is no longer there", ABSENCE[entry.absence]),
        )
        if value
    ]


def _scopes(entry: SourceEntry) -> str:
    """Each with what it is for, where that is said."""
    said = entry.authentication.explained
    told = [f"`{scope}`: {said[scope]}" for scope in entry.authentication.scopes if scope in said]
    rest = [scope for scope in entry.authentication.scopes if scope not in said]
    return " ".join([*told, ", ".join(rest)]).strip()


def _asked(entry: SourceEntry) -> Iterable[str]:
    if entry.settings:
        yield "### Settings"
        yield table(
            ("setting", "meaning", "example"),
            ((f"`{s.name}`", f"{s.title}. {s.hint}", f"`{s.example}`") for s in entry.settings),
        )
    if entry.secrets:
        yield "### Secrets"
        yield table(
            ("secret", "meaning"),
            (
                (f"`{s.name}`", f"{s.title}. {s.hint}{' Not needed.' if s.optional else ''}")
                for s in entry.secrets
            ),
        )


def _block(entry: SourceEntry, block: str) -> Iterable[str]:
    if block:
        asked = [setting for setting in entry.settings if not setting.default]
        flags = " ".join(f"--set {setting.name}={setting.example}" for setting in asked)
        yield "### In tenure.yaml"
        yield f"```sh\n{f'tenure source add {entry.slug} {flags}'.strip()}\n```"
        yield f"```yaml\n{block.rstrip()}\n```"


def _statuses(entry: SourceEntry) -> Iterable[str]:
    if entry.statuses:
        yield table(
            ("status there", "means"),
            ((f"`{text}`", _MEANS[meaning]) for text, meaning in entry.statuses.items()),
        )
