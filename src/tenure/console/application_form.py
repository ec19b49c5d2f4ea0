"""The forms of an application's page: which settings each has, and what becomes of the application
by what was typed. Works on plain values; stores nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import timedelta
from typing import Any, Final

from tenure.console.application_fields import Form, Setting, Shown, as_typed, at, put, value_of
from tenure.core.guard import Guard

_GUARD: Final = Guard()
_REMOVAL = (("disable", "Close it"), ("delete", "Delete it at once"), ("keep", "Leave it as it is"))
POLICY: Final = Form(
    "policy",
    "When people come, go on leave and leave",
    "What becomes of an account, and when.",
    (
        Setting(("removal", "then"), "When access ends", kind="choice", choices=_REMOVAL),
        Setting(
            ("removal", "delete_after"),
            "Delete a closed account after",
            "Days. Empty: it stays closed.",
            "days",
        ),
        Setting(
            ("removal", "transfer_to"),
            "What a leaver owns there",
            "Handed over before anything is deleted, where the application can.",
            "choice",
            (("", "Stays as it is"), ("manager", "Goes to their manager")),
        ),
        Setting(
            ("leave",),
            "While on leave",
            kind="choice",
            choices=(
                ("keep", "Keeps everything"),
                ("disable", "Account closed"),
                ("free", "Account closed, licences given back"),
            ),
        ),
        Setting(("lead",), "Made before the first day", "Days. Empty: on the day.", "days"),
        Setting(
            ("ahead",),
            "Until the first day it is",
            kind="choice",
            choices=(("enabled", "Open"), ("disabled", "Closed")),
        ),
        Setting(
            ("on_rename",),
            "When somebody is called otherwise",
            kind="choice",
            choices=(("change", "The login follows"), ("keep", "The login stays")),
        ),
    ),
)

RECONCILE: Final = Form(
    "reconcile",
    "What somebody does there",
    "Accounts that others than Tenure open, change, make or delete are seen when it is read.",
    (
        Setting(
            ("reconcile_every",),
            "Read by itself",
            "Never: a leaver's account that is opened again there is not seen.",
            "choice",
            (
                ("PT15M", "Every 15 minutes"),
                ("PT1H", "Every hour"),
                ("PT6H", "Every 6 hours"),
                ("P1D", "Every day"),
                ("P7D", "Every week"),
                ("P30D", "Every 30 days"),
                ("never", "Never"),
            ),
        ),
        Setting(
            ("recreate",),
            "If somebody deleted an account there",
            kind="choice",
            choices=(
                ("ask", "Ask before it is made again"),
                ("always", "Make it again"),
                ("never", "Leave it"),
            ),
        ),
        Setting(
            ("orphans",),
            "Accounts that are nobody's",
            "Closing and deleting always wait for approval.",
            "choice",
            (("report", "Only show them"), ("disable", "Close them"), ("delete", "Delete them")),
        ),
        Setting(
            ("drift", "default"),
            "When somebody changed an account there",
            kind="choice",
            choices=(
                ("", "Restore what is ours"),
                ("restore", "Restore it"),
                ("keep", "Keep their change"),
                ("report", "Only tell it"),
            ),
        ),
    ),
)


def _limit(name: str, label: str, words: str) -> tuple[Setting, ...]:
    return (
        Setting(("guard", name, "percent"), f"{label}: percent", words, "number"),
        Setting(("guard", name, "floor"), f"{label}: always allowed", "Accounts.", "whole"),
        Setting(("guard", name, "most"), f"{label}: never over", "Empty: no such limit.", "whole"),
        Setting(("guard", name, "window"), f"{label}: within", "Hours.", "hours"),
    )


LIMITS: Final = Form(
    "limits",
    "Limits",
    "What is over a limit is held until somebody approves it: whichever is reached first, the "
    "percentage or the number.",
    (
        *_limit("removals", "Closed or deleted", "Of all accounts there."),
        *_limit("changes", "Changed", "Of all accounts there."),
        *_limit("creates", "Made", "Empty: not limited by percent."),
        Setting(
            ("guard", "failures", "percent"), "Failures: percent", "Of what was sent.", "number"
        ),
        Setting(("guard", "failures", "least"), "Failures: of at least", "Operations.", "whole"),
        Setting(("guard", "failures", "window"), "Failures: within", "Hours.", "hours"),
        Setting(("limits", "reads"), "Reads a second", "Empty: as the connector says.", "number"),
        Setting(("limits", "writes"), "Writes a second", "Empty: as the connector says.", "number"),
        Setting(("limits", "burst"), "At once after a pause", "Requests.", "whole"),
        Setting(("limits", "concurrency"), "Requests at the same time", "1 to 256.", "whole"),
    ),
)
MATCHING: Final = Form(
    "matching",
    "Whose accounts are these?",
    "How accounts that are there already are recognised, tried in order; and which are left alone.",
    (
        Setting(
            ("matching",),
            "An account and a person belong together when these are equal",
            "One pair a line: attribute of the account = attribute of the person. Empty: by "
            "external id, e-mail address, user name.",
            "pairs",
        ),
        Setting(
            ("ignore",),
            "Service accounts, which are nobody's",
            'One condition a line: account.userName.startsWith("svc-")',
            "lines",
        ),
        Setting(
            ("protect",),
            "Accounts that are never touched",
            'One condition a line: account.userName == "owner@acme.example"',
            "lines",
        ),
    ),
)
GENERAL: Final = Form(
    "general",
    "General",
    "How it is called and shown, who looks after it, and what a seat costs.",
    (
        Setting(("name",), "Name"),
        Setting(("colour",), "Colour", "Of its tile: #4a7fd6. Empty: one of ours."),
        Setting(("owner",), "Looked after by", "Who does by hand what it cannot do itself."),
        Setting(("remind_after",), "A task is overdue after", "Days. Empty: two days.", "days"),
        Setting(("seat", "price"), "Price of a seat", "A month.", "amount"),
        Setting(("seat", "currency"), "Currency", "Such as EUR."),
        Setting(
            ("requires",),
            "Applications that come first",
            "One a line, as the configuration calls them.",
            "lines",
        ),
    ),
)
FORMS: Final = {form.name: form for form in (POLICY, RECONCILE, LIMITS, MATCHING, GENERAL)}


def shown(
    form: Form,
    application: Mapping[str, Any],
    *,
    given: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> list[Shown]:
    """The fields with what is stored, or with what was typed where it was refused."""
    typed, wrong = given or {}, errors or {}
    return [
        Shown(
            setting,
            typed.get(setting.name, _now(setting, application)),
            wrong.get(setting.name, ""),
            _usual(setting),
        )
        for setting in form.settings
    ]


def read(form: Form, application: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """The application as it is to be: another plain value, the rest as it was."""
    changed: dict[str, Any] = deepcopy(dict(application))
    for setting in form.settings:
        if setting.name in given:
            put(changed, setting.path, value_of(setting, given[setting.name].strip()))
    for name in _as_usual(form, application, given):
        changed["guard"][name] = None
    if form is GENERAL:
        seat = changed.get("seat") or {}
        changed["seat"] = seat if any(seat.values()) else None
    drift = changed.get("drift")
    if isinstance(drift, dict):
        changed["drift"] = {name: action for name, action in drift.items() if action}
    for name, limit in (changed.get("guard") or {}).items():
        # What is left empty has its default.
        if isinstance(limit, dict):
            kept = {k: v for k, v in limit.items() if v is not None}
            changed["guard"][name] = kept or None
    return changed


def mapping(
    attributes: Sequence[str], expressions: Sequence[str], whens: Sequence[str]
) -> dict[str, dict[str, str]]:
    """The lines of the mapping's form; empty ones are left out. Raises `ValueError`."""
    found: dict[str, dict[str, str]] = {}
    for attribute, expression, when in zip(attributes, expressions, whens, strict=False):
        name, text = attribute.strip(), expression.strip()
        if not name and not text:
            continue
        if not name or not text:
            raise ValueError(
                f"{name or text}: a line needs both, an attribute of the account and what it is."
            )
        if name in found:
            raise ValueError(f"{name} is there twice. Take one of the two out.")
        found[name] = {"value": text, "when": "create" if when == "create" else "always"}
    return found


def errors_by_field(form: Form, problems: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """(field -> what is wrong with it, what is wrong otherwise) of problems by path within the
    application."""
    fields: dict[str, str] = {}
    others = []
    for path, message in problems.items():
        name = next(
            (
                s.name
                for s in sorted(form.settings, key=lambda s: -len(s.name))
                if path == s.name or path.startswith((f"{s.name}.", f"{s.name}["))
            ),
            "",
        )
        if name:
            fields[name] = message
        else:
            others.append(f"{path}: {message}" if path else message)
    return fields, others


def _usual(setting: Setting) -> str:
    """What a limit is where nothing is given."""
    if setting.path[0] != "guard":
        return ""
    limit = getattr(_GUARD, setting.path[1])
    value = getattr(limit, setting.path[2])
    if isinstance(value, timedelta):
        return f"{value / timedelta(hours=1):g}"
    return "" if value is None else f"{float(value):g}"


def _now(setting: Setting, application: Mapping[str, Any]) -> str:
    """What holds: what is stored, or of a limit that nobody set the usual one."""
    return (
        _usual(setting)
        if _nobody_set(setting, application)
        else as_typed(setting, at(application, setting.path))
    )


def _nobody_set(setting: Setting, application: Mapping[str, Any]) -> bool:
    return setting.path[0] == "guard" and not at(application, setting.path[:2])


def _as_usual(form: Form, application: Mapping[str, Any], given: Mapping[str, str]) -> set[str]:
    """The limits that nobody set, and that are left as they are shown: they stay the usual ones."""
    mine = [s for s in form.settings if s.name in given and _nobody_set(s, application)]
    others = {s.path[1] for s in mine if given[s.name].strip() != _usual(s)}
    return {s.path[1] for s in mine} - others
