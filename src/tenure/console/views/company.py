"""Settings: the company, how addresses and names are made with a preview on real people, how people
are taken in. Two pages of one thing, written through the document's checks, and never over another
administrator's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from zoneinfo import available_timezones

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST
from pydantic import ValidationError

from tenure.configuration import editing
from tenure.configuration.document import Company
from tenure.configuration.problems import ConfigurationError
from tenure.configuration.reading import explain
from tenure.console import conflicts, lengths
from tenure.console import overtaken as overtaken_by
from tenure.console.page import ConsoleRequest, fragment, render, signed_in
from tenure.console.views.start import example_of
from tenure.core.names import candidates
from tenure.people import selectors as people
from tenure.people.naming import DEFAULT_FORMATS
from tenure.signin.permissions import Ability

_LISTS = ("email_formats", "user_name_formats", "warn_without_end", "verify")
_LENGTHS = ("leaver_grace", "name_retention", "ahead", "valid")
_ONBOARDING = ("invite", "ahead", "valid", "send_to", "verify", "trigger", "networks", "wallet")
_PREVIEWED = 5
#: What the pages call what they ask for.
LABELS: Final[Mapping[str, str]] = {
    "name": "name",
    "colour": "colour",
    "domain": "e-mail domain",
    "time_zone": "time zone",
    "email_formats": "e-mail formats",
    "user_name_formats": "user name formats",
    "on_rename": "what follows a new name",
    "name_retention": "days until a leaver's name is free",
    "plans": "how changes go ahead",
    "leaver_grace": "days in which nothing of a leaver is deleted",
    "warn_without_end": "kinds of employment that need a last day",
    "task_reminders": "reminders of tasks",
    "tasks_to": "where reminders go that are nobody's",
    "invite": "who sends invitations",
    "ahead": "days before the first day",
    "valid": "days that an invitation is good",
    "send_to": "where invitations go",
    "verify": "what people are asked for",
    "trigger": "when accounts of new people are made",
    "networks": "your networks",
    "wallet": "wallets",
}


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in(sends=Ability.CONFIGURE)
def company(request: ConsoleRequest) -> HttpResponse:
    """What it is called, addresses and user names, plans and leavers, reminders."""
    return _page(request, "company")


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in(sends=Ability.CONFIGURE)
def joining(request: ConsoleRequest) -> HttpResponse:
    """How people come in."""
    return _page(request, "joining")


@require_POST
@signed_in(needs=Ability.CONFIGURE, by_itself=True)
def names(request: ConsoleRequest) -> HttpResponse:
    """What the formats make of real people, while they are typed."""
    return fragment(request, "console/parts/names.html", _preview(_typed(request)))


def saved(request: ConsoleRequest, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Tell what was changed."""
    changed = [
        LABELS.get(name, name) for name, *_ in conflicts.changed(_flat(before), _flat(after))
    ]
    if changed:
        messages.success(request, f"Saved: {', '.join(changed)}.")
    else:
        messages.info(request, "Nothing was changed, so nothing was saved.")


def conflict(
    request: ConsoleRequest,
    written: Company,
    base: dict[str, Any] | None,
    overtaken: editing.Overtaken,
    *,
    secret: str = "",
) -> HttpResponse:
    """Somebody else was quicker."""
    mine = editing.as_plain("company", written)
    lines = conflicts.three_ways(_flat(base or {}), _flat(overtaken.now or {}), _flat(mine))
    return overtaken_by.answer(
        request,
        "The company",
        lines,
        overtaken,
        kind="company",
        keep_url=request.path,
        labels=LABELS,
        secret=secret,
    )


def wrong(error: ValidationError | ConfigurationError) -> dict[str, str]:
    """What is wrong, by the field that it is said at."""
    if isinstance(error, ConfigurationError):
        paths = [(problem.path, problem.message) for problem in error.problems]
    else:
        paths = [(".".join(map(str, one["loc"])), explain(dict(one))) for one in error.errors()]
    found: dict[str, str] = {}
    for path, message in paths:
        name = path.removeprefix("company.").removeprefix("onboarding.")
        found.setdefault(name.split("[")[0].split(".")[0], message)
    return found


def _page(request: ConsoleRequest, tab: str) -> HttpResponse:
    stored = editing.plain("company") or {}
    base: dict[str, Any] | None = stored
    seen = editing.version(stored)
    values = _shown(stored)
    errors: dict[str, str] = {}
    if request.method == "POST":
        seen, base = request.POST.get("seen", ""), conflicts.read(request.POST.get("base", ""))
        values = _typed(request)
        if request.POST.get("do") != "edit":
            answer = _save(request, values, seen, base)
            if isinstance(answer, HttpResponse):
                return answer
            errors = answer
    context: dict[str, Any] = {
        "tab": tab,
        "values": values,
        "errors": errors,
        "seen": seen,
        "base": conflicts.write(base),
    }
    if tab == "company":
        context |= {
            "zones": sorted(zone for zone in available_timezones() if "/" in zone or zone == "UTC"),
            "usual_formats": "\n".join(DEFAULT_FORMATS),
            **_preview(values),
        }
    else:
        context["wallet"] = (stored.get("onboarding") or {}).get("wallet")
    status = 422 if errors else 200
    return render(request, f"console/{tab}.html", context, section="settings", status=status)


def _save(
    request: ConsoleRequest, values: dict[str, Any], seen: str, base: dict[str, Any] | None
) -> HttpResponse | dict[str, str]:
    try:
        written = Company.model_validate(_document(values))
        before = editing.plain("company") or {}
        editing.edit("company", "", written, seen=seen)
    except (ValidationError, ConfigurationError) as error:
        return wrong(error)
    except editing.Overtaken as overtaken:
        return conflict(request, written, base, overtaken)
    saved(request, before, editing.plain("company") or {})
    return redirect(request.path)


def _flat(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Without the section inside it: every line has a name of its own."""
    return {
        k: v for k, v in {**stored, **(stored.get("onboarding") or {})}.items() if k != "onboarding"
    }


def _shown(stored: dict[str, Any]) -> dict[str, Any]:
    """As the form has it: lists one a line, networks by place, lengths in days."""
    flat = _flat(stored)
    values: dict[str, Any] = {name: flat.get(name) or "" for name in flat}
    for name in _LISTS:
        values[name] = "\n".join(flat.get(name) or ())
    for name in _LENGTHS:
        values[name] = lengths.shown(flat.get(name))
    places = sorted((flat.get("networks") or {}).items())
    values["networks"] = "\n".join(f"{place}: {', '.join(ranges)}" for place, ranges in places)
    return values


def _typed(request: ConsoleRequest) -> dict[str, Any]:
    """What the form does not ask for stays as it is."""
    stored, given = _shown(editing.plain("company") or {}), request.POST
    return {
        name: given[name].strip()[:4000] if name in given and name != "wallet" else kept
        for name, kept in stored.items()
    }


def _document(values: dict[str, Any]) -> dict[str, Any]:
    given: dict[str, Any] = dict(values)
    for name in _LISTS:
        given[name] = [line.strip() for line in values[name].splitlines() if line.strip()]
    for name in _LENGTHS:
        given[name] = lengths.typed(values[name])
    lines = values["networks"].splitlines()
    given["networks"] = dict(_network(line) for line in lines if line.strip())
    given["wallet"] = values["wallet"] or None
    given["onboarding"] = {
        name: given.pop(name) for name in _ONBOARDING if given.get(name) is not None
    }
    for name in _ONBOARDING:
        given.pop(name, None)
    given["name_retention"] = given["name_retention"] or "never"
    given["domain"] = given["domain"].removeprefix("@").lower()
    return given


def _network(line: str) -> tuple[str, list[str]]:
    """`Berlin office: 10.1.0.0/16, 2001:db8::/48`."""
    place, _, ranges = line.partition(":")
    return place.strip(), [one.strip() for one in ranges.split(",") if one.strip()]


def _preview(values: dict[str, Any]) -> dict[str, Any]:
    formats = [line.strip() for line in values["email_formats"].splitlines() if line.strip()]
    # Where nothing is said these are what is tried.
    formats = formats or (list(DEFAULT_FORMATS) if values["domain"] else [])
    logins = [line.strip() for line in values["user_name_formats"].splitlines() if line.strip()]
    try:
        candidates([*formats, *logins], {})
    except ValueError as error:
        return {"names_problem": str(error), "names": []}
    rows = people.people_page(size=_PREVIEWED).rows
    made = [
        (
            person.display_name,
            next((x for f in formats if (x := _of(f, person.attributes, values["domain"]))), ""),
            next((x for f in logins if (x := _of(f, person.attributes, ""))), ""),
        )
        for person in rows
    ]
    if not made:
        somebody = {"given_name": "Anna", "family_name": "Kovács"}
        email = _first(formats, somebody, values["domain"])
        made = [("Anna Kovács", email, _first(logins, somebody, ""))]
    return {"names": made, "names_problem": ""}


def _first(formats: list[str], attributes: dict[str, str], domain: str) -> str:
    return next((x for form in formats if (x := _of(form, attributes, domain))), "")


def _of(form: str, attributes: dict[str, Any], domain: str) -> str:
    return example_of(form, domain, attributes)
