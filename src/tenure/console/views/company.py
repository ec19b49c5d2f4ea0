"""Settings: the company, how addresses and names are made with a preview on real people, how people
are taken in. Written through the document's checks, and never over another administrator's."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST
from pydantic import ValidationError

from tenure.audit import selectors as audit
from tenure.configuration import editing
from tenure.configuration.document import Company
from tenure.configuration.problems import ConfigurationError
from tenure.configuration.reading import explain
from tenure.console import conflicts, lengths
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


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in(needs=Ability.CONFIGURE)
def company(request: ConsoleRequest) -> HttpResponse:
    """All of it, as one form."""
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
    context = {
        "tab": "company",
        "values": values,
        "errors": errors,
        "seen": seen,
        "base": conflicts.write(base),
        "zones": sorted(zone for zone in available_timezones() if "/" in zone or zone == "UTC"),
        "changes": audit.changes_of("company", "company"),
        "usual_formats": "\n".join(DEFAULT_FORMATS),
        **_preview(values),
    }
    status = 422 if errors else 200
    return render(request, "console/company.html", context, section="settings", status=status)


@require_POST
@signed_in(needs=Ability.CONFIGURE, by_itself=True)
def names(request: ConsoleRequest) -> HttpResponse:
    """What the formats make of real people, while they are typed."""
    return fragment(request, "console/parts/names.html", _preview(_typed(request)))


def _save(
    request: ConsoleRequest, values: dict[str, Any], seen: str, base: dict[str, Any] | None
) -> HttpResponse | dict[str, str]:
    given = _document(values)
    try:
        written = Company.model_validate(given)
        editing.edit("company", "", written, seen=seen)
    except ValidationError as error:
        return {
            str(one["loc"][1] if len(one["loc"]) > 1 and one["loc"][0] == "onboarding"
                else one["loc"][0]): explain(dict(one))
            for one in error.errors()
        }  # fmt: skip
    except ConfigurationError as error:
        found: dict[str, str] = {}
        for problem in error.problems:
            name = problem.path.removeprefix("company.").removeprefix("onboarding.")
            found[name.split("[")[0].split(".")[0]] = problem.message
        return found
    except editing.Overtaken as overtaken:
        return _conflict(request, written, base, overtaken)
    messages.success(request, "Saved.")
    return redirect("console:company")


def _conflict(
    request: ConsoleRequest,
    written: Company,
    base: dict[str, Any] | None,
    overtaken: editing.Overtaken,
) -> HttpResponse:
    last = audit.last_change("company", "company")
    mine = editing.as_plain("company", written)
    own = {"csrfmiddlewaretoken", "do", "seen", "base"}
    context = {
        "name": "The company",
        "lines": conflicts.three_ways(base, overtaken.now, mine),
        "who": last.actor if last else "",
        "when": last.at if last else None,
        "fields": [
            (name, str(value))
            for name, every in request.POST.lists()
            if name not in own
            for value in every
        ],
        "seen": editing.version(overtaken.now),
        "base": conflicts.write(overtaken.now),
        "keep_url": request.path,
    }
    return render(request, "console/conflict.html", context, section="settings", status=409)


def _shown(stored: dict[str, Any]) -> dict[str, Any]:
    """As the form has it: lists one a line, networks by place, lengths in days."""
    flat = {**stored, **(stored.get("onboarding") or {})}
    values: dict[str, Any] = {name: flat.get(name) or "" for name in flat if name != "onboarding"}
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
        name: given[name].strip()[:4000] if name in given else kept for name, kept in stored.items()
    }


def _document(values: dict[str, Any]) -> dict[str, Any]:
    given: dict[str, Any] = dict(values)
    for name in _LISTS:
        given[name] = [line.strip() for line in values[name].splitlines() if line.strip()]
    for name in _LENGTHS:
        given[name] = lengths.typed(values[name])
    given["networks"] = dict(_network(line) for line in values["networks"].splitlines() if line)
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
