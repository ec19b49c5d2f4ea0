"""What waits for a person, in the order in which it matters: the first thing that an administrator
sees. Every item says what it is, why in one line, and where to decide."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.urls import reverse
from django.utils.http import urlencode

from tenure.applications import credentials
from tenure.applications import selectors as applications
from tenure.applications.models import Health
from tenure.applications.selectors import ApplicationRow
from tenure.console.look import Mark
from tenure.console.waiting_item import Item, plural
from tenure.console.waiting_matches import match_items
from tenure.console.waiting_not_read import not_read_items
from tenure.console.waiting_paused import paused_items
from tenure.console.waiting_protected import kept_open_items
from tenure.console.waiting_undecided import undecided_items
from tenure.console.waiting_unread import bad_rows, unread_items
from tenure.people import selectors as people
from tenure.people.models import Company, PlanMode
from tenure.provisioning.questions import selectors as provisioning
from tenure.requests import selectors as requests
from tenure.runs.models import RunState
from tenure.signin import identity
from tenure.sources import authorizing
from tenure.sources.selectors import SourceRow
from tenure.sso import keys
from tenure.sso import selectors as sso
from tenure.sso.saml import alarms
from tenure.writeback import selectors as write_backs

#: So many are named: requests, disputed accounts of an application, claims to be looked at.
_NAMED, _SHOWN, _REVIEWED = 3, 4, 10


def items(
    company: Company,
    rows: Sequence[ApplicationRow],
    imports: Sequence[SourceRow],
    *,
    decides: bool,
) -> list[Item]:
    """Everything that waits for a person. `rows` are all applications, `imports` all sources, as
    lists show them. `decides`: whoever looks may say who somebody is."""
    return [
        *_writes(company),
        *_paused(rows),
        *_stopped(rows),
        *kept_open_items(),
        *unread_items(imports),
        *not_read_items(),
        *undecided_items(),
        *_reviews(),
        *_credentials(),
        *_sign_on(),
        *_signing_keys(),
        *_not_told(),
        *_held(),
        *paused_items(),
        *(_changes(company) if rows else ()),
        *_imports(imports),
        *_unreadable_sources(imports),
        *_written_back(),
        *match_items(decides=decides),
        *_failed(),
        *_requests(rows),
        *_by_hand(),
        *_disputed(rows),
        *_without_email(),
        *_without_end(),
        *bad_rows(imports),
    ]


def _writes(company: Company) -> list[Item]:
    if company.writes_stopped_at is None:
        return []
    detail = company.writes_stopped_reason or "No reason was given."
    mark = Mark("Stopped", "remove")
    title = "All writes are stopped"
    return [Item(mark, title, detail, reverse("console:writes"), "Resume")]


def _paused(rows: Sequence[ApplicationRow]) -> list[Item]:
    return [
        Item(
            Mark("Stopped", "remove"),
            f"Writes to {row.name} are stopped",
            f"By {row.paused_by}: {row.paused_reason or 'no reason was given'}",
            reverse("console:application", args=[row.slug]),
            "Resume",
        )
        for row in (each.application for each in rows)
        if row.paused_at is not None
    ]


def _stopped(rows: Sequence[ApplicationRow]) -> list[Item]:
    stopped = [row.application for row in rows if row.application.health == Health.STOPPED]
    waiting = provisioning.waiting_for([row.pk for row in stopped])
    found = []
    for row in stopped:
        count = waiting.get(row.pk, 0)
        later = f" {plural(count, 'operation')} wait and will catch up." if count else ""
        found.append(
            Item(
                Mark("Stopped", "remove"),
                f"Nothing is sent to {row.name}",
                f"{row.stopped_reason}{later}",
                reverse("console:application", args=[row.slug]),
                "Look",
            )
        )
    return found


def _credentials() -> list[Item]:
    found = []
    for warned in [*credentials.warnings(), *authorizing.warnings()]:
        mark = Mark("Stopped", "remove") if warned.urgent else Mark("Soon", "change")
        url = reverse("console:applications")
        if warned.application:
            url = reverse("console:application", args=[warned.application]) + "#authorisation"
        elif warned.source:
            url = reverse("console:sources")
        found.append(Item(mark, warned.what, warned.detail, url, "Look"))
    return found


def _sign_on() -> list[Item]:
    found = []
    for warned in alarms.alarms():
        url = reverse("console:applications")
        if warned.application:
            url = reverse("console:saml", args=[warned.application])
        mark = Mark("Stopped", "remove") if warned.urgent else Mark("Soon", "change")
        found.append(Item(mark, warned.what, warned.detail, url, "Look"))
    return found


def _written_back() -> list[Item]:
    found = []
    for row in write_backs.troubles():
        mark, title, ask = {
            "refused": (
                Mark("Stopped", "remove"),
                f"Nothing is written into {row.name}",
                "Look",
            ),
            "held": (
                Mark("Held", "wait"),
                f"{plural(row.count, 'record')} of {row.name} to be written are held",
                "Decide",
            ),
            "failed": (
                Mark("Failed", "remove"),
                f"{plural(row.count, 'record')} of {row.name} could not be written",
                "Look",
            ),
        }[row.kind]
        url = reverse("console:source_write_back", args=[row.slug])
        found.append(Item(mark, title, row.reason, url, ask))
    return found


def _unreadable_sources(imports: Sequence[SourceRow]) -> list[Item]:
    return [
        Item(
            Mark("Fails", "remove"),
            f"{row.name} cannot be imported",
            f"{row.failed_reason} Tried {plural(row.failures, 'time')} in a row.",
            reverse("console:sources"),
            "Look",
        )
        for row in (each.source for each in imports)
        if row.failures and row.failed_reason
    ]


def _not_told() -> list[Item]:
    """Applications that could not be told of access that ended: what they keep goes on."""
    mark, found = Mark("Not told", "remove"), []
    for row, count in sso.not_told(within=timedelta(days=1)):
        title = f"{row.name} was not told that access has ended"
        detail = f"{plural(count, 'session')} may go on there until it asks again. End them by hand"
        url = reverse("console:application_sso", args=[row.slug])
        found.append(Item(mark, title, f"{detail}, and correct the address.", url, "Look"))
    return found


def _signing_keys() -> list[Item]:
    mark = Mark("Soon", "change")
    url = reverse("console:applications")
    return [
        Item(mark, f"A signing key ends in {warned.days} days", warned.detail, url, "Look")
        for warned in keys.warnings()
    ]


def _reviews() -> list[Item]:
    """The oldest of them; the others come up once those are decided."""
    rows, count = identity.open_reviews(most=_REVIEWED)
    items = [
        Item(
            Mark("Who is it", "wait"),
            f"Is this {row.person.display_name}?",
            f"What was typed on {row.browser or 'a computer'} is not what HR has. The code that "
            "was sent to their address was right.",
            reverse("console:review", args=[row.pk]),
            "Decide",
        )
        for row in rows
    ]
    if count > len(rows):
        first = reverse("console:review", args=[rows[0].pk])
        title = f"{plural(count - len(rows), 'more person', 'more people')} to be looked at"
        detail = "They come up here as those above are decided."
        items.append(Item(Mark("Who is it", "wait"), title, detail, first, "Begin"))
    return items


def _held() -> list[Item]:
    return [
        Item(
            Mark("Held", "wait"),
            f"{plural(row.count, 'removal' if row.removals == row.count else 'change')} "
            f"in {row.name}",
            row.reason or "Waits for approval.",
            f"{reverse('console:plan')}?{urlencode({'application': row.application})}",
            "Review",
        )
        for row in provisioning.held()
    ]


def _changes(company: Company) -> list[Item]:
    """Where plans wait for somebody, that there is something to look at."""
    count = people.count_lagging() if company.plan_mode == PlanMode.REVIEW else 0
    title = f"{plural(count, 'person', 'people')} changed since the last plan"
    why = "What follows for their accounts goes when you apply the plan."
    mark = Mark("To apply", "change")
    return [Item(mark, title, why, reverse("console:plan"), "Look")] if count else []


def _imports(imports: Sequence[SourceRow]) -> list[Item]:
    """What a guard holds: of the latest import, or the latest that read everything."""
    return [
        Item(
            Mark("Held", "wait"),
            f"{'Leavers' if run.counters.get('held') else 'Changes'} from {row.source.name}",
            run.message or "More than the guard allows.",
            reverse("console:run", args=[run.pk]),
            "Review",
        )
        for row in imports
        for run in dict.fromkeys((row.whole, row.last))
        if run is not None and run.state == RunState.HELD
    ]


def _failed() -> list[Item]:
    return [
        Item(
            Mark("Failed", "remove"),
            f"{plural(row.count, 'operation')} failed in {row.name}{row.of_leavers}",
            row.reason or "No reason was given.",
            f"{reverse('console:application', args=[row.application])}#failed",
            "Look",
        )
        for row in provisioning.failed()
    ]


def _requests(rows: Sequence[ApplicationRow]) -> list[Item]:
    asked = requests.for_administrators(limit=_NAMED)
    if not asked:
        return []
    count = requests.count_for_administrators()
    names = {row.application.slug: row.application.name for row in rows}
    what = [f"{row.person.display_name}: {names.get(row.application, '')}" for row in asked]
    more = f" and {count - _NAMED:,} more" if count > _NAMED else ""
    return [
        Item(
            Mark("Asked", "wait"),
            f"{plural(count, 'request')} for access "
            f"{'waits' if count == 1 else 'wait'} for an administrator",
            f"{', '.join(what)}{more}. Nobody else can decide.",
            reverse("console:requests"),
            "Decide",
        )
    ]


def _by_hand() -> list[Item]:
    return [
        Item(
            Mark("By hand", "wait"),
            f"{plural(row.count, 'task')} in {row.name}",
            row.reason or "The application cannot do this by itself.",
            f"{reverse('console:tasks')}?{urlencode({'application': row.application})}",
            "Open",
        )
        for row in provisioning.by_hand()
    ]


def _disputed(rows: Sequence[ApplicationRow]) -> list[Item]:
    some = [row for row in rows if row.disputed]
    first = applications.disputed([row.application.pk for row in some], each=_SHOWN)
    owners = people.names_by_key(uid for account in first for uid in account.candidates)
    found = []
    for row in some:
        named = []
        for account in (one for one in first if one.application_id == row.application.pk):
            names = " or ".join(owners[u] for u in account.candidates if u in owners)
            named.append(f"{account} ({names}?)" if names else str(account))
        more = f" and {row.disputed - len(named):,} more" if row.disputed > len(named) else ""
        found.append(
            Item(
                Mark("Disputed", "wait"),
                f"{plural(row.disputed, 'account')} in {row.application.name}: whose?",
                f"{', '.join(named)}{more}",
                f"{reverse('console:application_accounts', args=[row.application.slug])}"
                "?situation=disputed",
                "Decide",
            )
        )
    return found


def _without_email() -> list[Item]:
    rows, count = people.people_without_email()
    if not count:
        return []
    names = ", ".join(person.display_name for person in rows)
    more = f" and {count - len(rows):,} more" if count > len(rows) else ""
    mark = Mark("Problem", "change")
    title = f"{plural(count, 'person has', 'people have')} no work e-mail"
    detail = f"{names}{more}: accounts that need one cannot be made."
    # One person: straight to them. Several: the runs say why for each.
    url = (
        reverse("console:person", args=[rows[0].uid]) if count == 1 else reverse("console:sources")
    )
    return [Item(mark, title, detail, url, "Look")]


def _without_end() -> list[Item]:
    rows, count = people.people_without_end()
    if not count:
        return []
    names = ", ".join(person.display_name for person in rows)
    more = f" and {count - len(rows):,} more" if count > len(rows) else ""
    kinds = " or ".join(sorted({str(row.attributes["employment_type"]) for row in rows}))
    return [
        Item(
            Mark("Problem", "change"),
            f"{plural(count, 'person', 'people')} without a last day",
            f"{names}{more} ({kinds}): their accounts stay open until somebody ends them.",
            f"{reverse('console:people')}?end=none",
            "Look",
        )
    ]
