"""Adding an application from the catalogue, in three steps with its own instructions beside each:
General, Single sign-on, Provisioning. What was typed before is carried by the form, so nothing is
stored until the last step; then it is there, in report mode, and its connection is tested."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods
from pydantic import ValidationError

from tenure.applications import selectors
from tenure.catalogue import filling, pages
from tenure.catalogue.entry import Entry
from tenure.catalogue.loading import UnknownEntry
from tenure.catalogue.loading import entry as read_entry
from tenure.configuration import editing
from tenure.configuration.adding import add as add_application
from tenure.configuration.application_editing import NotTaken, validated
from tenure.configuration.checking import check
from tenure.configuration.document import Application, Document
from tenure.configuration.problems import ConfigurationError
from tenure.configuration.proposing import prepare
from tenure.configuration.references import is_reference
from tenure.connectors.oauth import Grant
from tenure.console import connection_form, schema_form, tried
from tenure.console.application_facts import reference
from tenure.console.page import ConsoleRequest, Fresh, missing, render, signed_in
from tenure.provisioning.reconciliation import connection as checking
from tenure.provisioning.tasks import queue_check
from tenure.signin.permissions import Ability
from tenure.sso.saml import refreshing, registering
from tenure.vault.services import keep as keep_secret

#: The grant by which an administrator agrees in a browser.
BY_HAND: Final = Grant.AUTHORIZATION_CODE
GENERAL, SIGN_ON, PROVISIONING = "general", "single_sign_on", "provisioning"
STEPS: Final = (
    (GENERAL, "General"),
    (SIGN_ON, "Single sign-on"),
    (PROVISIONING, "Provisioning"),
)
_ORDER: Final = [key for key, _ in STEPS]
_LONGEST: Final = 2_000
_LONGEST_SECRET: Final = 60_000
#: What only steers the form.
_STEERING: Final = frozenset({"csrfmiddlewaretoken", "step", "do", tried.FIELD})
_OF_SIGN_ON: Final = frozenset({"sso", "address", "entity_id", "acs", "redirect_uris"})


@dataclass(frozen=True, slots=True)
class Field:
    """One line of the form."""

    name: str
    label: str
    hint: str
    value: str
    example: str = ""
    choices: tuple[str, ...] = ()
    error: str = ""
    kind: str = "text"


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in(needs=Ability.CONFIGURE, fresh=Fresh.PAGE)
def add(request: ConsoleRequest, slug: str) -> HttpResponse:
    """The step that is asked for, or the next one. A form without a step has all of it."""
    try:
        entry = read_entry(slug)
    except UnknownEntry:
        return missing(request, "entry", section="catalogue", back="console:catalogue")
    if request.method != "POST":
        return _page(request, entry, GENERAL, {})
    tried.bring_back(request)
    given = {key: str(value)[:_LONGEST] for key, value in request.POST.items()}
    step = given.get("step", PROVISIONING)
    at = _ORDER.index(step) if step in _ORDER else 0
    if given.get("do") == "back":
        return _page(request, entry, _ORDER[max(at - 1, 0)], given)
    if _ORDER[at] == PROVISIONING:
        return _added(request, entry, given)
    try:
        _prepared(entry, given, {}, with_sign_on=_ORDER[at] == SIGN_ON)
    except filling.WrongAnswers as error:
        return _page(request, entry, _step_of(error.problems), given, error.problems)
    return _page(request, entry, _ORDER[at + 1], given)


def _added(request: ConsoleRequest, entry: Entry, given: dict[str, str]) -> HttpResponse:
    key = given.get("slug", "").strip() or entry.slug
    references, sealed = _entered(request, entry, key)
    try:
        key, application = _prepared(entry, given, references, with_sign_on=True)
        with transaction.atomic():
            add_application(key, application)
            for name, text in sealed.items():
                keep_secret(connection_form.box(key, name), text)
    except filling.WrongAnswers as error:
        return _page(request, entry, _step_of(error.problems), given, error.problems)
    except ConfigurationError as error:
        problems = {"": " ".join(problem.message for problem in error.problems)}
        return _page(request, entry, PROVISIONING, given, problems)
    messages.success(request, f"{application.name} is added, in report mode.")
    _read_metadata(request, key, given)
    if application.oauth is not None and application.oauth.grant == BY_HAND:
        # Nothing can be tested before somebody has agreed there.
        return redirect(reverse("console:application", args=[key]) + "#authorisation")
    found = selectors.application(key)
    if found is not None:
        # Whether it accepts us, by reading only. Nothing is changed there.
        with transaction.atomic():
            queue_check(checking.begin(found, write=False))
    return redirect("console:connection", key)


def _prepared(
    entry: Entry, given: Mapping[str, str], references: Mapping[str, str], *, with_sign_on: bool
) -> tuple[str, Application]:
    """The application as it was typed. Raises `WrongAnswers`, by field."""
    key, application = prepare(
        entry,
        slug=given.get("slug", "").strip(),
        name=given.get("name", ""),
        answers={s.name: given.get(f"set-{s.name}", "") for s in entry.settings},
        secrets=references,
    )
    there = selectors.application(key)
    if there is not None:
        raise filling.WrongAnswers(
            {"slug": f"There is an application {key!r} already: {there.name}. Choose another."}
        )
    if with_sign_on:
        application = _signed_on(application, given)
    plain = editing.as_plain("applications", application, key)
    price, currency = given.get("price", "").strip(), given.get("currency", "").strip()
    if price or currency:
        plain["seat"] = {"price": price.replace(",", "."), "currency": currency.upper()}
    plain["owner"] = given.get("owner", "").strip()
    try:
        application = validated(plain)
    except NotTaken as error:
        raise filling.WrongAnswers(
            {path.rpartition(".")[2]: text for path, text in error.problems.items()}
        ) from error
    head = f"applications.{key}.single_sign_on."
    found = check(Document(applications={key: application})).problems
    if wrong := [problem.message for problem in found if problem.path.startswith(head)]:
        raise filling.WrongAnswers({_main_field(given): " ".join(dict.fromkeys(wrong))})
    return key, application


def _signed_on(application: Application, given: Mapping[str, str]) -> Application:
    """With what was said of single sign-on. Raises `WrongAnswers`."""
    kind, field = given.get("sso", ""), _main_field(given)
    try:
        if kind == "saml":
            return registering.identified(application, _who(given))
        if kind == "oidc":
            uris = given.get("redirect_uris", "").split()
            if not uris:
                raise filling.WrongAnswers(
                    {field: "Give at least one, as the application shows it."}
                )
            plain = editing.as_plain("applications", application, "x")
            return validated({**plain, "single_sign_on": {"oidc": {"redirect_uris": uris}}})
    except (NotTaken, ValidationError) as error:
        texts = (
            list(error.problems.values())
            if isinstance(error, NotTaken)
            else [str(one["msg"]).removeprefix("Value error, ") for one in error.errors()]
        )
        raise filling.WrongAnswers({field: " ".join(dict.fromkeys(texts))}) from error
    return application


def _main_field(given: Mapping[str, str]) -> str:
    """Where it is said what is wrong with the way that was chosen."""
    return "redirect_uris" if given.get("sso") == "oidc" else "address"


def _who(given: Mapping[str, str]) -> dict[str, Any]:
    """Who the application is, by SAML. Raises `WrongAnswers`."""
    if address := given.get("address", "").strip():
        return {"metadata_url": address}
    entity, acs = given.get("entity_id", "").strip(), given.get("acs", "").split()
    if not entity or not acs:
        raise filling.WrongAnswers(
            {"address": "Give the address of its metadata, or both of the two below."}
        )
    return {"entity_id": entity, "acs": acs}


def _read_metadata(request: ConsoleRequest, key: str, given: Mapping[str, str]) -> None:
    address = given.get("address", "").strip()
    found = selectors.application(key)
    if given.get("sso") != "saml" or not address or found is None:
        return
    (read,) = refreshing.refresh([(found, address)])
    if read.problem:
        messages.warning(request, f"Nobody can sign in to it yet. {read.problem}")


def _step_of(problems: Mapping[str, str]) -> str:
    """Where the first mistake is mended."""
    if any(name in _OF_SIGN_ON for name in problems):
        return SIGN_ON
    return GENERAL


def _entered(
    request: ConsoleRequest, entry: Entry, slug: str
) -> tuple[dict[str, str], dict[str, str]]:
    """(reference of each secret, those that are to be sealed) as they were typed: a secret itself,
    or where it is; nothing means the environment."""
    references: dict[str, str] = {}
    sealed: dict[str, str] = {}
    for secret in entry.secrets:
        posted = request.POST.get(f"secret-{secret.name}", "")[:_LONGEST_SECRET]
        text = schema_form.secret_text(posted)
        if text.startswith("${") or not text:
            references[secret.name] = text
        else:
            references[secret.name] = f"${{box:{connection_form.box(slug, secret.name)}}}"
            sealed[secret.name] = text
    return references, sealed


def _page(
    request: ConsoleRequest,
    entry: Entry,
    step: str,
    given: Mapping[str, str],
    problems: Mapping[str, str] | None = None,
) -> HttpResponse:
    wrong = problems or {}
    if any(f"secret-{name}" in given for name in wrong if name in _secret_names(entry)):
        step = PROVISIONING
    here = _fields_of(entry, step)
    context = {
        "entry": entry,
        "step": step,
        "steps": [(key, words, _ORDER.index(key) < _ORDER.index(step)) for key, words in STEPS],
        "carried": [
            (name, value)
            for name, value in given.items()
            if name not in _STEERING and name not in here and not name.startswith("secret-")
        ],
        "problem": wrong.get("", ""),
        "count": len(wrong),
        "tried": tried.keep(request, "secret-", {f"secret-{name}" for name in wrong}),
        "instructions": [
            (_filled(entry, item.text, given), _filled(entry, item.copy_ or "", given))
            for item in getattr(entry.instructions, step)
        ],
        **_shown(entry, step, given, wrong),
    }
    status = 422 if wrong else 200
    return render(request, "console/add.html", context, section="catalogue", status=status)


def _secret_names(entry: Entry) -> set[str]:
    return {secret.name for secret in entry.secrets}


def _fields_of(entry: Entry, step: str) -> set[str]:
    if step == SIGN_ON:
        return set(_OF_SIGN_ON)
    if step == PROVISIONING:
        return set()
    return {
        "name",
        "slug",
        "owner",
        "price",
        "currency",
        *(f"set-{s.name}" for s in entry.settings),
    }


def _shown(
    entry: Entry, step: str, given: Mapping[str, str], wrong: Mapping[str, str]
) -> dict[str, Any]:
    if step == GENERAL:
        return {
            "names": _names(entry, given, wrong),
            "settings": _settings(entry, given, wrong),
            "about": _about(given, wrong),
        }
    if step == SIGN_ON:
        proposed = _proposed(entry, given)
        return {
            "sso": given.get("sso", ""),
            "values": {
                name: given.get(name, proposed.get(name, "")) for name in ("entity_id", "acs")
            }
            | {name: given.get(name, "") for name in ("address", "redirect_uris")},
            # Only named: what stands in the field goes before the two below.
            "usual": proposed.get("address", ""),
            "errors": dict(wrong),
            "facts": [
                (label, _filled(entry, text, given)) for label, text in pages.sso_facts(entry)
            ],
        }
    return {"secrets": _secrets(entry, given, wrong)}


def _proposed(entry: Entry, given: Mapping[str, str]) -> dict[str, str]:
    """What the catalogue knows of its addresses, with what was typed in the first step in it."""
    known = {"entity_id": entry.sso.entity_id, "acs": entry.sso.acs, "address": entry.sso.metadata}
    found = {name: _filled(entry, text or "", given) for name, text in known.items()}
    return {name: text for name, text in found.items() if text and "{" not in text}


def _filled(entry: Entry, text: str, given: Mapping[str, str]) -> str:
    """With the settings that were typed in their places."""
    for setting in entry.settings:
        value = given.get(f"set-{setting.name}", "").strip() or setting.default
        text = text.replace(f"{{{setting.name}}}", value) if value else text
    return text


def _names(entry: Entry, given: Mapping[str, str], wrong: Mapping[str, str]) -> list[Field]:
    name, slug = given.get("name", entry.name), given.get("slug", entry.slug)
    about = "In tenure.yaml, in rules and on the command line."
    return [
        Field("name", "Name", "What people read.", name, error=wrong.get("name", "")),
        Field("slug", "Short name", about, slug, error=wrong.get("slug", "")),
    ]


def _about(given: Mapping[str, str], wrong: Mapping[str, str]) -> list[Field]:
    told = (
        ("owner", "Looked after by", "Who does by hand what it cannot do itself."),
        ("price", "Price of a seat", "A month, such as 7.25. Empty: not counted."),
        ("currency", "Currency", "Such as EUR."),
    )
    return [
        Field(name, label, hint, given.get(name, ""), error=wrong.get(name, ""))
        for name, label, hint in told
    ]


def _settings(entry: Entry, given: Mapping[str, str], wrong: Mapping[str, str]) -> list[Field]:
    return [
        Field(
            f"set-{setting.name}",
            setting.title,
            setting.hint,
            given.get(f"set-{setting.name}", setting.default),
            example=setting.example,
            choices=setting.choices,
            error=wrong.get(setting.name, ""),
        )
        for setting in entry.settings
    ]


def _secrets(
    entry: Entry, given: Mapping[str, str], wrong: Mapping[str, str]
) -> list[schema_form.Field]:
    proposed = filling.secret_references(entry, given.get("slug", "").strip() or entry.slug)
    fields = []
    for secret in entry.secrets:
        text = given.get(f"secret-{secret.name}", "").strip()
        fields.append(
            schema_form.Field(
                f"secret-{secret.name}",
                secret.title,
                f"{secret.hint} Left empty it is read {reference(proposed[secret.name])}.",
                # What was typed and is no reference is the secret itself: it is not sent back.
                text if is_reference(text) else "",
                kind=schema_form.secret_kind(secret.name),
                required=True,
                error=wrong.get(secret.name, ""),
            )
        )
    return fields
