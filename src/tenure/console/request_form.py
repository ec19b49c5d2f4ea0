"""The form of an application's page that says whether people may ask for it, and who decides."""

from __future__ import annotations

from typing import Any, Final

from tenure.console.application_fields import Form, Setting
from tenure.console.application_form import FORMS as OTHERS
from tenure.console.application_form import GENERAL, SESSIONS

REQUESTS: Final = Form(
    "requests",
    "Asking for it",
    "People see it in their portal and may ask for it for a while, where no rule gives it to them. "
    "Only while it is live.",
    (
        Setting(
            ("requestable", "approver"),
            "Who decides",
            "Where they have left or are away: the owner, then an administrator.",
            "choice",
            (
                ("", "Nobody may ask for it"),
                ("manager", "The manager of who asks"),
                ("owner", "Who looks after it"),
                ("named", "These people"),
            ),
        ),
        Setting(
            ("requestable", "named"),
            "These people",
            "Employee numbers, one a line. Any one of them decides.",
            "lines",
        ),
        Setting(("requestable", "longest"), "Given for at most", "Days. Empty: 90.", "days"),
        Setting(
            ("requestable", "answer_within"),
            "A request is over without an answer after",
            "Days. Empty: a week.",
            "days",
        ),
        Setting(
            ("requestable", "when"),
            "Who may ask",
            'A condition: user.employment_type == "employee". Empty: everybody.',
        ),
        Setting(
            ("requestable", "entitlements"),
            "Entitlements that may be asked for",
            "One a line, as in role:editor.",
            "lines",
        ),
        Setting(("requestable", "words"), "What it is for", "Shown to who looks for it."),
    ),
)
#: Forms of the tab of settings; the others are in that of provisioning.
IN_SETTINGS: Final = (GENERAL, SESSIONS, REQUESTS)
FORMS: Final = {**OTHERS, REQUESTS.name: REQUESTS}


def settled(application: dict[str, Any]) -> dict[str, Any]:
    """What is left empty has its default; where nobody decides, nobody may ask; of sessions nothing
    is known where nothing is said."""
    asked = application.get("requestable")
    if isinstance(asked, dict):
        kept = {name: value for name, value in asked.items() if value not in (None, "", [])}
        application["requestable"] = kept if kept.get("approver") else None
    said = application.get("sessions")
    if isinstance(said, dict):
        kept = {name: value for name, value in said.items() if value not in (None, "")}
        application["sessions"] = kept or None
    return application
