"""Settings: the guards of all applications and sources on one page, and changing one of them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_safe
from pydantic import ValidationError

from tenure.configuration import editing
from tenure.configuration.document import Application
from tenure.configuration.document_sources import Source
from tenure.configuration.problems import ConfigurationError
from tenure.configuration.reading import explain
from tenure.console import conflicts, lengths, overtaken
from tenure.console.page import ConsoleRequest, missing, render, signed_in
from tenure.console.schema_form import Field
from tenure.core import guard
from tenure.signin.permissions import Ability

_WORDS = {
    "creates": ("Accounts made", "percent of the people here"),
    "changes": ("Changes", "percent"),
    "removals": ("Accounts closed or deleted", "percent of the open accounts"),
    "failures": ("Operations that fail", "percent of what was tried"),
    "leavers": ("People who become leavers", "percent of the people here"),
    "missing": ("Records that are missing", "percent of the last import"),
    "write_back": ("Records written back", "percent of the records"),
}
_KINDS = {
    "applications": ("creates", "changes", "removals", "failures"),
    "sources": ("leavers", "changes", "missing", "write_back"),
}
_PARTS = {
    "percent": ("Percent", "More than this is held."),
    "floor": ("Always allowed", "So many may go whatever the percentage."),
    "most": ("Never more than", "Whatever the percentage; empty: no such limit."),
    "least": ("Of at least", "So many have to have been tried."),
    "window": ("Counted over", "Days, or a length such as PT12H."),
}


@require_safe
@signed_in()
def guards(request: ConsoleRequest) -> HttpResponse:
    """Every limit of everything."""
    tables = []
    for section, title in (("applications", "Applications"), ("sources", "Sources")):
        rows = []
        for slug, plain in editing.every(section).items():
            limits = [
                (_WORDS[kind][0], *_said(section, kind, plain["guard"].get(kind)))
                for kind in _KINDS[section]
            ]
            rows.append((slug, plain["name"], limits))
        tables.append((section, title, [_WORDS[kind][0] for kind in _KINDS[section]], rows))
    return render(
        request, "console/guards.html", {"tab": "guards", "tables": tables}, section="settings"
    )


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in(needs=Ability.CONFIGURE)
def edit(request: ConsoleRequest, section: str, slug: str) -> HttpResponse:
    """The limits of one application or source."""
    stored = editing.plain(section, slug) if section in _KINDS else None
    if stored is None:
        return missing(request, "guard", section="settings", back="console:guards")
    values = {kind: _parts(section, kind, stored["guard"].get(kind)) for kind in _KINDS[section]}
    seen, base = editing.version(stored), conflicts.write(stored["guard"])
    errors: dict[str, str] = {}
    if request.method == "POST":
        seen, base = request.POST.get("seen", ""), request.POST.get("base", "")
        for kind, parts in values.items():
            for name in parts:
                parts[name] = request.POST.get(f"{kind}-{name}", "").strip()[:20]
        if request.POST.get("do") != "edit":
            answer = _save(request, (section, slug), stored, values, seen, base)
            if isinstance(answer, HttpResponse):
                return answer
            errors = answer
    context = {
        "tab": "guards",
        "name": stored["name"],
        "seen": seen,
        "base": base,
        "errors": errors,
        "groups": [
            (_WORDS[kind][0], _WORDS[kind][1], _fields(kind, parts, errors))
            for kind, parts in values.items()
        ],
    }
    status = 422 if errors else 200
    return render(request, "console/guard.html", context, section="settings", status=status)


def _save(
    request: ConsoleRequest,
    key: tuple[str, str],
    stored: dict[str, Any],
    values: dict[str, dict[str, str]],
    seen: str,
    base: str,
) -> HttpResponse | dict[str, str]:
    section, slug = key
    plain: dict[str, Any] = {**stored, "guard": dict(stored["guard"])}
    for kind, parts in values.items():
        if parts != _parts(section, kind, stored["guard"].get(kind)):
            given = {k: lengths.typed(v) if k == "window" else v for k, v in parts.items() if v}
            plain["guard"][kind] = given
    if section == "applications":
        plain["entitlements"] = [{"key": k, **item} for k, item in plain["entitlements"].items()]
    schema = Application if section == "applications" else Source
    try:
        written = schema.model_validate(plain)
        editing.edit(section, slug, written, seen=seen)
    except ValidationError as error:
        return {"-".join(map(str, one["loc"][1:3])): explain(dict(one)) for one in error.errors()}
    except ConfigurationError as error:
        return {"": " ".join(f"{p.path}: {p.message}" for p in error.problems)}
    except editing.Overtaken as taken:
        mine = editing.as_plain(section, written, slug)["guard"]
        theirs = (taken.now or {}).get("guard")
        lines = conflicts.three_ways(conflicts.read(base), theirs, mine)
        return overtaken.answer(
            request, f"The guards of {stored['name']}", lines, taken,
            kind=section.removesuffix("s"), keep_url=request.path, base=theirs or {},
            labels={kind: words[0] for kind, words in _WORDS.items()},
        )  # fmt: skip
    messages.success(request, f"The guards of {stored['name']} are saved.")
    return redirect("console:guards")


def _fields(kind: str, parts: dict[str, str], errors: dict[str, str]) -> list[Field]:
    return [
        Field(
            name=f"{kind}-{name}",
            label=_PARTS[name][0],
            hint=_PARTS[name][1],
            value=value,
            required=True,
            error=errors.get(f"{kind}-{name}", ""),
        )
        for name, value in parts.items()
    ]


def _parts(section: str, kind: str, given: dict[str, Any] | None) -> dict[str, str]:
    """What is in force, as texts: what is given, or else the default."""
    default = getattr(guard.SourceGuard() if section == "sources" else guard.Guard(), kind)
    names = [name for name in _PARTS if hasattr(default, name)]
    found = {}
    for name in names:
        value = given.get(name) if given is not None else getattr(default, name)
        found[name] = lengths.shown(value) if name == "window" else _number(value)
    return found


def _number(value: object) -> str:
    if value is None:
        return ""
    return f"{float(str(value)):g}"


def _said(section: str, kind: str, given: dict[str, Any] | None) -> tuple[str, bool]:
    """In a few words, and whether it is the default."""
    parts = _parts(section, kind, given)
    if not parts.get("percent"):
        most = parts.get("most")
        return (f"at most {most}" if most else "no limit", given is None)
    text = f"{parts['percent']} %"
    if parts.get("floor"):
        text += f", {parts['floor']} always"
    if parts.get("most"):
        text += f", at most {parts['most']}"
    return text, given is None
