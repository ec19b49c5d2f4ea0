"""The SAML page of an application: registering it, what it is told, a preview on a real
person, a test, who signed in. Every form is sent whole and works without scripts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe
from pydantic import ValidationError

from tenure.applications import selectors
from tenure.applications.models import Application
from tenure.configuration import editing
from tenure.configuration.document import Application as Definition
from tenure.configuration.problems import ConfigurationError
from tenure.configuration.translation import stored
from tenure.console import saml_form, saml_page, single_sign_on
from tenure.console.page import ConsoleRequest, Fresh, missing, render, signed_in
from tenure.infra.clock import now
from tenure.people import selectors as people
from tenure.saml import metadata_in
from tenure.saml.errors import SamlError
from tenure.saml.parsing import LONGEST_METADATA
from tenure.signin import sessions
from tenure.signin.permissions import Ability
from tenure.sso.saml import refreshing, registering

_LONGEST: Final = 20_000


@require_safe
@signed_in()
def page(request: ConsoleRequest, slug: str) -> HttpResponse:
    """The page. `person`: the preview is of them; `who`: people of that name to choose from."""
    found = selectors.application(slug)
    if found is None:
        return _missing(request)
    return _page(request, found)


@require_POST
@signed_in(needs=Ability.CONFIGURE, fresh=Fresh.FORM)
def register(request: ConsoleRequest, slug: str) -> HttpResponse:
    """Who the application is: by its metadata (a file, pasted, an address), or by hand."""
    found = selectors.application(slug)
    if found is None:
        return _missing(request)
    given = _given(request)
    do = given.get("do", "")
    asks: list[str] = []
    try:
        if do == "address":
            who = saml_form.by_address(given)
            if who["metadata_url"]:
                _try_address(who["metadata_url"])
        elif do == "metadata":
            read = metadata_in.read(_document(request), at=now())
            who = registering.from_metadata(read)
            asks = [one.friendly_name or one.name for one in read.service.wanted]
        else:
            who = saml_form.by_hand(given)
    except SamlError as error:
        return _page(request, found, problem=str(error), given=given, status=422)
    answer = _edit(request, found, given, lambda there: registering.identified(there, who))
    if answer is not None:
        return answer
    if do == "address":
        found.refresh_from_db()
        refreshing.refresh([(found, who["metadata_url"])])
    messages.success(request, f"{found.name} is registered. Look at what it is told of people.")
    if asks:
        messages.info(request, f"Its metadata asks for the attributes {', '.join(asks)[:500]}.")
    return redirect(reverse("console:saml", args=[slug]) + "#told")


@require_POST
@signed_in(needs=Ability.CONFIGURE)
def tell(request: ConsoleRequest, slug: str) -> HttpResponse:
    """What the application is told of people, and how."""
    found = selectors.application(slug)
    if found is None:
        return _missing(request)
    given = _given(request)
    answer = _edit(request, found, given, lambda there: saml_form.told(there, given))
    if answer is not None:
        return answer
    messages.success(request, f"Saved. From the next sign-in on {found.name} is told this.")
    return redirect(_back(slug, given) + "#told")


@require_POST
@signed_in(needs=Ability.CONFIGURE, fresh=Fresh.FORM)
def act(request: ConsoleRequest, slug: str) -> HttpResponse:
    """Read its metadata anew; or nobody signs in to it from here any more."""
    found = selectors.application(slug)
    if found is None:
        return _missing(request)
    given = _given(request)
    address = found.single_sign_on.get("saml", {}).get("metadata_url", "")
    if given.get("do") == "remove":
        answer = _edit(request, found, given, saml_form.without)
        if answer is not None:
            return answer
        messages.success(request, f"Nobody signs in to {found.name} from here any more.")
    elif address:
        (read,) = refreshing.refresh([(found, address)])
        if read.problem:
            messages.error(request, read.problem)
        elif read.changed:
            messages.success(
                request, "Read, and it has changed. What changed is in the audit trail."
            )
        else:
            messages.info(request, "Read. Nothing has changed.")
    return redirect("console:saml", slug)


def _edit(
    request: ConsoleRequest,
    found: Application,
    given: dict[str, str],
    change: Callable[[Definition], Definition],
) -> HttpResponse | None:
    """Store it, unless somebody else was quicker or it is wrong; then the page says so."""
    there = (stored().applications or {}).get(found.slug)
    if there is None:
        return _missing(request)
    try:
        editing.edit(
            "applications", found.slug, change(there), seen=given.get("seen", editing.NOTHING)
        )
    except editing.Overtaken:
        problem = "Somebody else changed the application meanwhile. Look at it, and send it again."
        return _page(request, found, problem=problem, given=given, status=409)
    except ConfigurationError as error:
        problem = " ".join(one.message for one in error.problems)
        return _page(request, found, problem=problem, given=given, status=422)
    except ValidationError as error:
        problem = " ".join(str(one["msg"]) for one in error.errors())
        return _page(request, found, problem=problem, given=given, status=422)
    found.refresh_from_db()
    return None


def page_of(
    request: ConsoleRequest, found: Application, *, policy: dict[str, str], wrong: dict[str, str]
) -> HttpResponse:
    """The page with what was typed of its policy, and what is wrong with it."""
    return _page(request, found, policy=policy, wrong=wrong, status=422)


def _page(
    request: ConsoleRequest,
    found: Application,
    *,
    problem: str = "",
    given: dict[str, str] | None = None,
    policy: dict[str, str] | None = None,
    wrong: dict[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    page, plain = saml_page.page_of(found), editing.plain("applications", found.slug)
    stored_form = (plain or {}).get("single_sign_on")
    given_values, keys = saml_page.ours()
    who = request.GET.get("who", "").strip()[:200]
    preview = saml_page.preview_of(page, request.GET.get("person", ""))
    context: dict[str, Any] = {
        "application": found,
        "page": page,
        "saml": page.saml,
        "sso": found.single_sign_on,
        "ours": given_values,
        "keys": keys,
        "steps": saml_page.steps_of(found),
        "fields": _fields(page, given or {}),
        "problem": problem,
        "seen": editing.version(plain),
        "policy": single_sign_on.form_of(single_sign_on.POLICY, stored_form, policy, wrong),
        "wrong": wrong or {},
        "who": who,
        "people": people.people_page(search=who, size=6).rows if who else [],
        "preview": preview,
        "told": saml_page.told(preview) if preview else [],
        "as_person": sessions.current_person(request, by_itself=True),
        "launch": saml_page.launch_address(found),
        "registering": page.known is None or "register" in request.GET or bool(problem and given),
        **saml_page.options(page),
        **saml_page.seen(found),
    }
    return render(request, "console/saml.html", context, section="applications", status=status)


def _fields(page: saml_page.Page, given: dict[str, str]) -> dict[str, str]:
    """What stands in the form: what was sent, what is stored, or what the catalogue knows."""
    proposed, saml = saml_page.proposed(page.application), page.saml
    there = {
        "address": saml.get("metadata_url", ""),
        "entity_id": saml.get("entity_id", ""),
        "acs": " ".join(saml.get("acs", ())),
    }
    names = ("address", "entity_id", "acs", "logout", "certificate", "xml")
    return {name: given.get(name) or there.get(name) or proposed.get(name, "") for name in names}


def _try_address(address: str) -> None:
    """Before it is stored: what is read there makes sense. Raises `SamlError`."""
    metadata_in.read(refreshing.fetch(address), at=now())


def _document(request: ConsoleRequest) -> bytes:
    """The uploaded file, or what was pasted. Raises `SamlError`."""
    file = request.FILES.get("file")
    if file is not None:
        if (file.size or 0) > LONGEST_METADATA:
            raise SamlError("The file is too long to be metadata.")
        return bytes(file.read())
    text = request.POST.get("xml", "").strip()
    if not text:
        raise SamlError("There is nothing to read: choose a file, or paste its text.")
    return text.encode()


def _given(request: ConsoleRequest) -> dict[str, str]:
    return {key: str(value)[:_LONGEST] for key, value in request.POST.items()}


def _back(slug: str, given: dict[str, str]) -> str:
    person = given.get("person", "")
    path = reverse("console:saml", args=[slug])
    return f"{path}?person={person}" if person else path


def _missing(request: ConsoleRequest) -> HttpResponse:
    return missing(request, "application", section="applications", back="console:applications")
