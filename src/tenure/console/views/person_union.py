"""Two people who are one, and one who is two: what it comes to, doing it, and taking it back."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from tenure.applications import selectors as applications
from tenure.console import plan_view
from tenure.console.page import ConsoleRequest, missing, render, signed_in
from tenure.core.model import Situation
from tenure.people import selectors as people
from tenure.people.models import Person, PersonUnion
from tenure.provisioning.decisions import union_undoing, unions
from tenure.provisioning.decisions.unions import UnionRefused
from tenure.provisioning.questions import union_preview
from tenure.provisioning.questions.union_preview import Preview
from tenure.signin import again
from tenure.signin.permissions import Ability
from tenure.sources import selectors as sources

_FOUND = 10


@dataclass(frozen=True, slots=True)
class Wish:
    """What the page is about: what it would come to, what does it, and what is said afterwards."""

    do: str
    look: Callable[[], Preview]
    carry_out: Callable[[str], object]
    words: str


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in(needs=Ability.MERGE)
def union(request: ConsoleRequest, uid: uuid.UUID) -> HttpResponse:
    """Find the other one, or choose the records that are another's; see; say why; done."""
    found = people.person_by_uid(str(uid))
    if found is None:
        return missing(request, "person", section="people", back="console:people")
    given = request.POST if request.method == "POST" else request.GET
    reason = given.get("reason", "").strip()[:1000]
    wish = _wish(found, given)
    preview, error = _seen(wish)
    locked = again.needed(request, request.administrator)
    if request.method == "POST" and wish is not None and not error:
        error = _refusal(reason, locked=locked)
        if not error:
            try:
                wish.carry_out(reason)
            except UnionRefused as refusal:
                error = str(refusal)
            else:
                messages.success(request, wish.words)
                return redirect("console:person", found.uid)
    elif request.method == "POST" and wish is None:
        error = "Say who is the same, or which records are another person's."
    query = given.get("q", "").strip()[:200]
    matches = people.matching(search=query).exclude(pk=found.pk) if query else Person.objects.none()
    context = {
        "person": found,
        "wish": wish,
        "given": _kept(given),
        "preview": preview,
        "groups": plan_view.groups(preview.plan, most=100) if preview else [],
        "q": query,
        "matches": matches.order_by("display_name", "id")[:_FOUND],
        "records": sources.records_of(found),
        "chosen": given.getlist("record"),
        "taken": given.getlist("account"),
        "accounts": [
            row
            for row in applications.accounts_of(found)
            if row.situation == Situation.LINKED.value
        ],
        "before": unions.merges(person=found),
        "reason": reason,
        "error": error,
        "locked": locked,
        "origin": settings.PASSKEY_ORIGIN,
    }
    status = 422 if error else 200
    return render(request, "console/person_union.html", context, section="people", status=status)


def _refusal(reason: str, *, locked: bool) -> str:
    if locked:
        return "Show your passkey first: the last time was too long ago."
    return "" if reason else "Say why. The reason is kept in the audit trail."


def _seen(wish: Wish | None) -> tuple[Preview | None, str]:
    if wish is None:
        return None, ""
    try:
        return wish.look(), ""
    except UnionRefused as refusal:
        return None, str(refusal)


def _kept(given: QueryDict) -> list[tuple[str, str]]:
    """What the form that does it has to say again."""
    names = ("other", "take", "record", "account", "union", "do")
    return [(name, value) for name in names for value in given.getlist(name)]


def _wish(found: Person, given: QueryDict) -> Wish | None:
    do = given.get("do", "")
    if do == "merge":
        other = people.person_by_uid(given.get("other", ""))
        return _merge(found, other, given.getlist("take")) if other else None
    if do == "split":
        return _split(found, given.getlist("record"), given.getlist("account"))
    number = given.get("union", "")
    if do == "undo" and number.isdecimal():
        row = next((one for one in unions.merges(person=found) if str(one.pk) == number), None)
        return _undo(row) if row else None
    return None


def _merge(found: Person, other: Person, take: list[str]) -> Wish:
    return Wish(
        "merge",
        lambda: union_preview.merge(found, other, take=take),
        lambda reason: unions.merge(person=found, other=other, reason=reason, take=take),
        f"{other.display_name} is {found.display_name} now.",
    )


def _split(found: Person, keys: list[str], accounts: list[str]) -> Wish:
    records = [row for row in sources.records_of(found) if str(row.pk) in keys]
    return Wish(
        "split",
        lambda: union_preview.split(found, records, accounts=accounts),
        lambda reason: unions.split(
            person=found, records=records, accounts=accounts, reason=reason
        ),
        f"{found.display_name} is two people now.",
    )


def _undo(row: PersonUnion) -> Wish:
    return Wish(
        "undo",
        lambda: union_preview.undo(row),
        lambda reason: union_undoing.undo(union=row, reason=reason),
        "It is taken back.",
    )
