"""An entry, and the list of all, as Markdown: the pages of docs/integrations and of
`tenure catalogue show`. The console has templates of its own over the same facts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tenure.catalogue.entry import (
    AUTHENTICATION,
    CAPABILITIES,
    CATEGORIES,
    CHECKED,
    PROTOCOLS,
    Entry,
    Step,
)
from tenure.catalogue.index import Listed
from tenure.catalogue.parts import Common
from tenure.catalogue.source_entry import SOURCE_CAPABILITIES, SOURCE_CATEGORIES

#: Said wherever single sign-on is: what stands in an entry is a fact about the application.
ABOUT_SSO = (
    "The steps and addresses are the application's side. Tenure's side (issuer or metadata, "
    "addresses, secret or certificate) is on the page Single sign-on of the application, once it "
    "is added."
)
NOT_YET_PROVISIONING = (
    "Tenure has no connector for this application yet. Added here, it is managed by tasks: whoever "
    "owns it is told what to make, change and close, by the steps below, and says when it is done."
)
_THEN = {"disable": "disabled", "delete": "deleted", "keep": "kept as it is"}
BY = {
    "vendor": "the vendor",
    "copy": "a copy of the vendor's specification",
    "microsoft": "Microsoft's tutorial",
    "third party": "a third party",
}


def page(entry: Entry, block: str = "") -> str:
    """Everything that is known of one application. `block` is a ready part of tenure.yaml."""
    parts = [
        f"# {entry.name}",
        entry.summary,
        table(("", ""), _overview(entry)),
        "## General",
        *_steps(entry.instructions.general),
        "## Single sign-on",
        *([f"> {ABOUT_SSO}"] if entry.sso.protocols else []),
        *_facts(sso_facts(entry)),
        *_steps(entry.instructions.single_sign_on),
        "## Provisioning",
        *([] if entry.automatic else [f"> {NOT_YET_PROVISIONING}"]),
        entry.interface,
        table(("", ""), provisioning_facts(entry)),
        *_steps(entry.instructions.provisioning),
        *_settings(entry),
        *_block(entry, block),
        *list_of("What to mind", entry.traps),
        *list_of("Confirmed in the sources", entry.confirmed),
        *list_of("Not confirmed", entry.not_confirmed),
        "## Sources",
        provenance(entry),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def index_page(rows: Sequence[Listed], sources: Sequence[Listed] = ()) -> str:
    """All entries, by category; and the sources of people."""
    automatic = sum(row.automatic for row in rows)
    parts = [
        "# Integrations",
        f"{len(rows)} applications and {len(sources)} sources of people. {automatic} of the "
        "applications are provisioned automatically, for the others "
        "there are steps to do it by hand. Every page says how it was checked and what could not "
        "be confirmed; the dates of sources are those on which a stored copy of the page was read. "
        "To search: `tenure catalogue search`, or Catalogue in the console. Whatever "
        "speaks SCIM 2.0 and is not here can be connected too: see "
        "[configuration](../reference/configuration.md#applications).",
        " · ".join(
            f"[{title}](#{_anchor(title)})"
            for slug, title in CATEGORIES.items()
            if any(row.category == slug for row in rows)
        )
        + "".join(f" · [{title}](#{_anchor(title)})" for title in _source_titles(sources)),
    ]
    for category, title in CATEGORIES.items():
        found = [row for row in rows if row.category == category]
        if found:
            parts += [f"## {title}", table(("Application", "Provisioning", "Can", "Sign-on"), (
                (
                    f"[{row.name}]({row.slug}.md)",
                    "automatic" if row.automatic else "by hand",
                    ", ".join(CAPABILITIES[name].lower() for name in row.can) or "—",
                    ", ".join(PROTOCOLS[name] for name in row.sso) or "—",
                )
                for row in found
            ))]  # fmt: skip
    for category, title in SOURCE_CATEGORIES.items():
        found = [row for row in sources if row.category == category]
        if found:
            parts += [f"## {title}", table(("Source", "Tenure gets"), (
                (
                    f"[{row.name}]({row.slug}.md)",
                    ", ".join(SOURCE_CAPABILITIES[name].lower() for name in row.can),
                )
                for row in found
            ))]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _source_titles(sources: Sequence[Listed]) -> list[str]:
    used = {row.category for row in sources}
    return [title for slug, title in SOURCE_CATEGORIES.items() if slug in used]


def sso_facts(entry: Entry) -> list[tuple[str, str]]:
    """What an identity provider has to be told, as (label, value)."""
    sso = entry.sso
    makes = {True: "Yes", False: "No", None: ""}[sso.makes_accounts]
    return [
        (label, value)
        for label, value in (
            ("Protocols", _protocols(entry)),
            ("Plan", sso.plan),
            ("Entity ID", sso.entity_id),
            ("Assertion consumer service (ACS)", sso.acs),
            ("Sign-on address", sso.start),
            ("Metadata", sso.metadata),
            ("Subject (NameID)", sso.name_id),
            ("Makes accounts at sign-in", makes),
        )
        if value
    ]


def _protocols(entry: Entry) -> str:
    names = ", ".join(PROTOCOLS[name] for name in entry.sso.protocols)
    return names if entry.sso.confirmed or not names else f"{names} (not confirmed)"


def provisioning_facts(entry: Entry) -> list[tuple[str, str]]:
    """How accounts are managed and what their end means, as (label, value)."""
    signed = AUTHENTICATION[entry.authentication.kind]
    if entry.authentication.by:
        signed += f", made by {entry.authentication.by}"
    return [
        (label, value)
        for label, value in (
            ("Plan", entry.plan),
            ("Authentication", signed),
            ("Scopes", ", ".join(entry.authentication.scopes)),
            ("Ends", entry.authentication.ends),
            ("Disabling", entry.off.disable or "Not possible."),
            ("Deleting", entry.off.delete or "Not possible."),
            ("When access ends", _THEN[entry.off.then] if entry.automatic else ""),
            ("Licences", entry.licences),
        )
        if value
    ]  # fmt: skip


def capabilities(entry: Entry) -> list[tuple[str, str]]:
    """Every capability and yes, no or not known."""
    return [
        (title, "yes" if name in entry.can else "no" if name in entry.cannot else "not known")
        for name, title in CAPABILITIES.items()
    ]


def _overview(entry: Entry) -> list[tuple[str, str]]:
    offered = capabilities(entry)
    return [
        ("Category", CATEGORIES[entry.category]),
        ("Vendor", f"<{entry.vendor}>"),
        ("Runs", " or ".join(entry.hosting)),
        ("Provisioning by Tenure", "automatic" if entry.automatic else "by hand"),
        *(
            (title, ", ".join(name for name, value in offered if value == answer))
            for title, answer in (
                ("Its interface offers", "yes"),
                ("It does not offer", "no"),
                ("Not known", "not known"),
            )
            if any(value == answer for _, value in offered)
        ),
        ("Single sign-on", _protocols(entry) or "not known"),
    ]


def _steps(steps: Sequence[Step]) -> Iterable[str]:
    yield numbered(steps)


def numbered(steps: Sequence[Step]) -> str:
    """Steps, as a numbered list."""
    lines = []
    for number, step in enumerate(steps, start=1):
        lines.append(f"{number}. {step.text}")
        if step.copy_:
            lines.append(f"\n   ```text\n   {step.copy_}\n   ```")
    return "\n".join(lines)


def _facts(facts: Sequence[tuple[str, str]]) -> Iterable[str]:
    if facts:
        yield table(("", ""), [(label, _code(value)) for label, value in facts])


def _code(value: str) -> str:
    return f"`{value}`" if "://" in value and " " not in value else value


def _settings(entry: Entry) -> Iterable[str]:
    if entry.settings:
        yield "### Settings"
        yield table(
            ("setting", "meaning", "example"),
            ((f"`{s.name}`", f"{s.title}. {s.hint}", f"`{s.example}`") for s in entry.settings),
        )
    if entry.secrets:
        yield "### Secrets"
        yield table(
            ("secret", "meaning"), ((f"`{s.name}`", f"{s.title}. {s.hint}") for s in entry.secrets)
        )


def _block(entry: Entry, block: str) -> Iterable[str]:
    if block:
        # Only what has to be said: what has a default is left to it.
        asked = [setting for setting in entry.settings if not setting.default]
        flags = " ".join(f"--set {setting.name}={setting.example}" for setting in asked)
        yield "### In tenure.yaml"
        yield f"```sh\n{f'tenure application add {entry.slug} {flags}'.strip()}\n```"
        yield f"```yaml\n{block.rstrip()}\n```"


def list_of(title: str, items: Sequence[str]) -> Iterable[str]:
    if items:
        yield f"## {title}"
        yield "\n".join(f"- {item}" for item in items)


def provenance(entry: Common) -> str:
    """How it was checked, and the pages that were read."""
    return "\n\n".join((_checked(entry), "\n".join(_sources(entry))))


def _checked(entry: Common) -> str:
    return f"Checked on {entry.checked.on:%Y-%m-%d}. {CHECKED[entry.checked.how]}: " + (
        entry.checked.against
    )


def _sources(entry: Common) -> Iterable[str]:
    for item in entry.sources:
        by = "" if item.by == "vendor" else f", by {BY[item.by]}"
        yield f"- [{item.title}]({item.address}){by}, read {item.read:%Y-%m-%d}: {item.supports}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return "\n".join(lines)


def _anchor(title: str) -> str:
    return title.lower().replace(" ", "-")
