"""Adding a source from the catalogue: what its entry asks for and how to get it; and changing one
that is read by an entry's specification.

It goes on as any other source that is set up: in `source_mapping` and `source_check`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from tenure.catalogue import filling, loading
from tenure.catalogue.parts import places_in
from tenure.catalogue.source_entry import SourceEntry
from tenure.configuration import editing
from tenure.configuration.proposing_sources import prepare_source
from tenure.connectors.oauth import Grant
from tenure.console import key_file, schema_form, source_steps, tried, typed_secrets
from tenure.console.authorisation import explained, redirect_uri
from tenure.console.oauth_form import grant_of
from tenure.console.page import ConsoleRequest, Fresh, missing, render, signed_in
from tenure.core.names import slug as slug_of
from tenure.setup import source_drafts
from tenure.signin.permissions import Ability


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in(needs=Ability.CONFIGURE, fresh=Fresh.PAGE)
def begin(request: ConsoleRequest, slug: str) -> HttpResponse:
    """What the entry asks for."""
    try:
        found = loading.source(slug)
    except loading.UnknownEntry:
        return missing(request, "kind of source", section="sources", back="console:source_new")
    return asked(request, found, "", {})


def asked(
    request: ConsoleRequest, entry: SourceEntry, slug: str, definition: dict[str, Any]
) -> HttpResponse:
    """The form and what was typed. `slug` and `definition`: of a source that is there."""
    known = _known(entry, definition)
    values: dict[str, Any] = {
        "name": definition.get("name", entry.name),
        "settings": known,
        "secrets": known,
    }
    errors: dict[str, str] = {}
    if request.method == "POST":
        tried.bring_back(request)
        handed = _key_file(request, entry)
        answer = _begun(request, entry, slug, definition, known, handed)
        if isinstance(answer, HttpResponse):
            return answer
        values, errors = answer
    context = {
        "kind": entry.reader.kind,
        "entry": entry,
        "title": entry.name,
        "about": entry.summary,
        "slug": slug,
        "name": values["name"],
        "fields": _fields(entry, values.get("settings", {}), errors),
        "secrets": _secrets(entry, values.get("secrets", {}), errors),
        "last_days": {
            f"secret-{name}": typed_secrets.last_day(request, slug, name)
            for name in entry.oauth_places & {one.name for one in entry.secrets}
            if name == "client_secret"
        },
        "errors": errors,
        "tried": tried.keep(request, "secret-", {f"secret-{name}" for name in errors}),
        "key_file": bool(_account(entry)),
        "back": source_steps.came_from(request),
        "agreed": source_steps.by_hand({"oauth": entry.reader.oauth}),
        "redirect_uri": redirect_uri(),
        "scopes": explained(
            tuple(entry.reader.oauth.get("scopes", ())), entry.authentication.explained
        ),
    }
    status = 422 if errors else 200
    return render(request, "console/source_begin.html", context, section="sources", status=status)


def _known(entry: SourceEntry, definition: Mapping[str, Any]) -> dict[str, str]:
    """What it was told before, and the references of its secrets."""
    told = filling.told(entry, definition.get("settings") or {}, definition.get("oauth") or {})
    return {**told, **(definition.get("secrets") or {})}


def _account(entry: SourceEntry) -> str:
    """The setting in which its service account is named; "" where it has none."""
    return places_in(entry.reader.oauth.get("issuer", "")).pop() if _signs(entry) else ""


def _signs(entry: SourceEntry) -> bool:
    return bool(entry.reader.oauth) and grant_of(entry.reader.oauth) is Grant.JWT_BEARER


def _key_file(request: ConsoleRequest, entry: SourceEntry) -> dict[str, str]:
    """Put what a key file says into the fields. Returns what is wrong with it, by name."""
    account = _account(entry)
    if not account:
        return {}
    wrong = key_file.fill_in(request, account=f"set-{account}", key="secret-private_key")
    return {name.partition("-")[2]: text for name, text in wrong.items()}


def _begun(
    request: ConsoleRequest,
    entry: SourceEntry,
    slug: str,
    definition: dict[str, Any],
    known: Mapping[str, str],
    errors: dict[str, str],
) -> HttpResponse | tuple[dict[str, Any], dict[str, str]]:
    """Keep what was typed and go on; or give it back with what is wrong."""
    name = request.POST.get("name", "").strip()[:200] or entry.name
    answers = {one.name: request.POST.get(f"set-{one.name}", "") for one in entry.settings}
    new = slug or source_drafts.free(slug_of(name)[:60] or entry.slug)
    with transaction.atomic():
        wanted = {one.name: not one.optional for one in entry.secrets}
        there = {name: known[name] for name in wanted if name in known}
        secrets, wrong = typed_secrets.taken(request, new, wanted, there)
        errors = {**wrong, **errors}
        try:
            _, made = prepare_source(entry, slug=new, name=name, answers=answers, secrets=secrets)
        except filling.WrongAnswers as error:
            errors = {**error.problems, **errors}
        if errors:
            transaction.set_rollback(True)
            return {"name": name, "settings": answers, "secrets": secrets}, errors
        fresh = editing.as_plain("sources", made, new)
        own = {key: fresh[key] for key in ("name", "settings", "secrets", "oauth")}
        if fresh["oauth"]:
            # What somebody wrote into the document besides stays.
            own["oauth"] = {**(definition.get("oauth") or {}), **fresh["oauth"]}
        whole = {**fresh, **definition, **own}
        source_drafts.save(new, whole)
    return redirect(source_steps.with_back(request, source_steps.after_connection(new, whole)))


def _fields(
    entry: SourceEntry, values: Mapping[str, Any], errors: Mapping[str, str]
) -> list[schema_form.Field]:
    return [
        schema_form.Field(
            name=f"set-{one.name}",
            label=one.title,
            hint=one.hint,
            value=str(values.get(one.name, one.default)),
            kind="choice" if one.choices else "text",
            example=one.example,
            choices=one.choices,
            required=True,
            error=errors.get(one.name, ""),
        )
        for one in entry.settings
    ]


def _secrets(
    entry: SourceEntry, values: Mapping[str, str], errors: Mapping[str, str]
) -> list[schema_form.Field]:
    return [
        schema_form.Field(
            name=f"secret-{one.name}",
            label=one.title,
            hint=one.hint,
            value=values.get(one.name, ""),
            kind=schema_form.secret_kind(one.name),
            required=not one.optional,
            error=errors.get(one.name, ""),
        )
        for one in entry.secrets
    ]
