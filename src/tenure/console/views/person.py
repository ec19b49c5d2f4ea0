"""One person: their working life, their accounts with the reasons, what they lack and why, their
attributes with where each came from, their history. And terminating them."""

from __future__ import annotations

import unicodedata
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from tenure.applications import selectors as applications
from tenure.applications.models import Account, Application
from tenure.audit import selectors as audit
from tenure.audit.models import Action
from tenure.console import access, look, plan_view, proofs, timeline
from tenure.console.page import ConsoleRequest, missing, render, signed_in
from tenure.console.views.person_future import choices_for
from tenure.core.expressions import ExpressionError
from tenure.core.model import LifecycleState, OperationState, Situation
from tenure.infra.clock import now
from tenure.people import local
from tenure.people import selectors as people
from tenure.people.models import Person
from tenure.people.services import AttributeBook, attribute_book
from tenure.provisioning import services
from tenure.provisioning.decisions import byhand, taking
from tenure.provisioning.models import Operation
from tenure.provisioning.questions import selectors as provisioning
from tenure.provisioning.questions.explain import ApplicationExplanation, explain
from tenure.provisioning.questions.kept import Kept, kept_by_hold
from tenure.provisioning.records import names_held
from tenure.rules import exceptions
from tenure.signin import again
from tenure.signin.permissions import Ability
from tenure.sources import selectors as sources
from tenure.sso.receipt import receipt_of

_TIMELINE = (Action.PERSON_CHANGED, Action.PERSON_STATE_CHANGED)


@dataclass(frozen=True, slots=True)
class AccountRow:
    """One application that the person has, is to have, or had."""

    application: Application
    account: Account | None
    mark: look.Mark
    why: ApplicationExplanation | None
    operation: Operation | None
    holds: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def is_open(self) -> bool:
        """Whether there is an account that can be used, whatever is to be done with it."""
        return self.account is not None and look.account_mark(self.account) == look.ACTIVE

    @property
    def said(self) -> str:
        """Why the operation is as it is."""
        steps = self.why.steps if self.why is not None else ()
        told = {step.operation: step.why for step in steps}
        return told.get(self.operation.pk, self.operation.reason) if self.operation else ""


@dataclass(frozen=True, slots=True)
class RefusedForm:
    """A form of this page that was refused: the `dialog` it stands in, the `field` to correct, why,
    and what was `typed`."""

    dialog: str
    field: str
    error: str
    typed: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of the person, as a page shows it."""

    label: str
    value: object
    origin: str


@require_safe
@signed_in()
def person(request: ConsoleRequest, uid: uuid.UUID) -> HttpResponse:
    """The person."""
    found = people.person_by_uid(str(uid))
    if found is None and (now_called := people.merged_into(uid)) is not None:
        return redirect("console:person", now_called.uid)
    if found is None:
        return missing(request, "person", section="people", back="console:people")
    return show(request, found)


def show(
    request: ConsoleRequest, found: Person, refused: RefusedForm | None = None
) -> HttpResponse:
    """Their page. A form that was refused is open on it, with what was typed."""
    problem, explained = "", None
    try:
        explained = explain(found)
    except ExpressionError as error:
        problem = f"An expression in the configuration no longer compiles: {error}"
    why = {item.application: item for item in explained.applications} if explained else {}
    every = explained.rows if explained else applications.named(None)
    rows = _accounts(
        explained.accounts if explained else applications.accounts_of(found),
        explained.operations if explained else provisioning.open_operations(found, refused=True),
        why,
        every,
    )
    shown = {row.application.slug for row in rows}
    lacks = [item for slug, item in why.items() if slug not in shown]
    reports, report_count = people.reports_of(found)
    moves = audit.events_of_person(str(found.uid), actions=_TIMELINE, limit=20)
    keys, book = applications.offered(), attribute_book()
    context = {
        "person": found,
        "gone": found.state in (LifecycleState.LEFT.value, LifecycleState.LEAVING.value),
        "endless": people.lacks_end(found),
        "steps": timeline.steps(found, moves, _deletions(rows)),
        "rows": rows,
        "blocked": _blocked(found, rows),
        "open": sum(1 for row in rows if row.is_open),
        "lacks": lacks,
        "problem": problem,
        "attributes": _attributes(found, book),
        "private": bool(book.sensitive & found.attributes.keys()),
        "records": sources.records_of(found),
        "reports": reports,
        "reports_more": report_count - len(reports),
        "history": audit.events_of_person(str(found.uid), limit=20),
        "names": {row.slug: row.name for row in every},
        "local": local.is_local(found),
        "exceptions": exceptions.in_force([found.pk], now()).get(found.pk, []),
        "offered": [(row, keys.get(row.pk, [])) for row in every],
        "choices": choices_for(found, book),
        "ask": refused.dialog if refused else request.GET.get("ask", ""),
        "refused": refused,
        "proof": proofs.shown(receipt_of(found, explained)) if explained else None,
        "failing": byhand.failing(person=found),
        "kept": _kept(found),
        "at_once": found.terminated_at is not None and not found.ended_by_source_at,
        **access.of(found, request.company),
    }
    status = 422 if refused else 200
    return render(request, "console/person.html", context, section="people", status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in(needs=Ability.TERMINATE)
def terminate(request: ConsoleRequest, uid: uuid.UUID) -> HttpResponse:
    """What terminating would do, and doing it once the name is typed and a reason given."""
    found = people.person_by_uid(str(uid))
    if found is None:
        return missing(request, "person", section="people", back="console:people")
    back = reverse("console:person", args=[found.uid])
    if found.state == LifecycleState.LEFT.value:
        messages.info(request, f"{found.display_name} has left already. There is nothing to do.")
        return redirect(back)
    if request.method == "POST" and _ended(found):
        why = f": {found.termination_reason}" if found.termination_reason else ""
        said = f"{found.display_name} was terminated before{why}. Nothing is left to do."
        messages.info(request, said)
        return redirect(back)
    reason = request.POST.get("reason", "").strip()[:1000]
    typed = request.POST.get("name", "")[:300]
    errors: dict[str, str] = {}
    locked = again.needed(request, request.administrator)
    if request.method == "POST" and locked:
        errors["name"] = "Show your passkey first: the last time was too long ago."
    elif request.method == "POST":
        if _plain(typed) != _plain(found.display_name):
            errors["name"] = f"Type the name exactly as it is shown: {found.display_name}"
        if not reason:
            errors["reason"] = "Say why. The reason is kept in the audit trail."
        if not errors:
            stored = services.terminate_now(found, at=None, reason=reason)
            messages.success(request, f"{found.display_name} is terminated.")
            if busy := provisioning.under_way(found):
                messages.warning(request, f"{busy}; this page shows it.")
            # A run with nothing in it would say that all of it is done.
            sent = stored is not None and (stored.released or stored.held) and not busy
            return redirect("console:run", stored.run.pk) if stored and sent else redirect(back)
    plan = provisioning.preview_termination(found)
    context = {
        "person": found,
        "groups": plan_view.groups(plan, most=100),
        "plan": plan,
        "errors": errors,
        "reason": reason,
        "typed": typed,
        "reports": people.reports_of(found)[1],
        "locked": locked,
        "origin": settings.PASSKEY_ORIGIN,
    }
    status = 422 if errors else 200
    return render(request, "console/terminate.html", context, section="people", status=status)


def _accounts(
    accounts: Iterable[Account],
    unsettled: Iterable[Operation],
    why: Mapping[str, ApplicationExplanation],
    every: Iterable[Application],
) -> list[AccountRow]:
    """What they have or had, then what is due and not there yet; the latest account of each."""
    operations = {op.application.slug: op for op in unsettled}
    rows: dict[str, AccountRow] = {}
    for account in accounts:
        slug = account.application.slug
        explanation, operation = why.get(slug), operations.get(slug)
        gone = account.situation == Situation.DELETED.value
        if gone and slug in rows:
            continue
        rows[slug] = AccountRow(
            account.application,
            account,
            _mark(account, operation, explanation),
            explanation,
            operation,
            _holds(account, explanation),
        )
    by_slug = {row.slug: row for row in every}
    for slug, item in why.items():
        if slug not in rows and (item.due or slug in operations):
            operation = operations.get(slug)
            mark = _mark(None, operation, item) if operation else look.Mark("To be made", "change")
            if (item.notices or item.still) and operation is None:
                mark = look.Mark("Not made", "wait")
            if item.problem:
                mark = look.Mark("Problem", "remove")
            holds = tuple(item.entitlements.items())
            rows[slug] = AccountRow(by_slug[slug], None, mark, item, operation, holds)
    return list(rows.values())


def _mark(
    account: Account | None, operation: Operation | None, why: ApplicationExplanation | None
) -> look.Mark:
    if operation is not None:
        if why is not None and any(s.waits for s in why.steps if s.operation == operation.pk):
            return look.Mark("Waits", "wait")
        if operation.state in (OperationState.PLANNED.value, OperationState.STARTED.value):
            return look.Mark("Changing", "change")
        return look.OPERATION[operation.state]
    return look.account_mark(account) if account else look.Mark("Not there")


def _holds(
    account: Account, why: ApplicationExplanation | None
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    given = why.entitlements if why else {}
    return tuple((key, tuple(given.get(key, ()))) for key in account.entitlements)


def _blocked(person: Person, rows: list[AccountRow]) -> dict[int, Account]:
    """The accounts for which theirs could not be made; looked for only where something failed."""
    failed = OperationState.FAILED.value
    wrong = any(
        (row.operation and row.operation.state == failed) or (row.why and row.why.problem)
        for row in rows
    )
    return taking.in_the_way(person) if wrong else {}


def _deletions(rows: list[AccountRow]) -> list[datetime]:
    """When the accounts of a leaver that are closed now are to be deleted."""
    each = (names_held.deletion_of(row.account, now()) for row in rows if row.account is not None)
    return [one for one in each if one is not None]


def _kept(found: Person) -> Kept | None:
    """What a legal hold keeps; None where there is no hold, or nobody can tell."""
    if found.legal_hold_since is None:
        return None
    try:
        return kept_by_hold(found)
    except (ExpressionError, LookupError):
        return None


def _attributes(found: Person, book: AttributeBook) -> list[Attribute]:
    """In the order of the schema, and what is sensitive by its presence only."""
    names, labels, sensitive = sources.source_names(), book.labels, book.sensitive
    known = [name for name in labels if name in found.attributes]
    rows = []
    for name in [*known, *sorted(found.attributes.keys() - labels.keys())]:
        origin = found.origins.get(name)
        value = "kept private" if name in sensitive else found.attributes[name]
        where = names.get(origin, origin) if origin else "made here"
        rows.append(Attribute(labels.get(name, name), value, where))
    return rows


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())


def _ended(person: Person) -> bool:
    """Whether they are terminated already, and nothing is left of it to be done: somebody else was
    quicker, and their reason stays."""
    at = person.terminated_at
    return at is not None and at <= now() and not provisioning.preview_termination(person).lines
