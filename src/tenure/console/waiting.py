"""What waits for a person, in the order in which it matters: the first thing that an administrator
sees. Every item says what it is, why in one line, and where to decide."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.urls import reverse
from django.utils.http import urlencode

from tenure.applications import credentials
from tenure.applications import selectors as applications
from tenure.applications.models import Account
from tenure.console.look import Mark
from tenure.people import selectors as people
from tenure.people.models import Company, PlanMode
from tenure.provisioning import selectors as provisioning
from tenure.requests import selectors as requests
from tenure.runs import selectors as runs
from tenure.signin import identity
from tenure.sources import authorizing, matches
from tenure.sources import selectors as sources
from tenure.sources.asking import who
from tenure.sso import keys
from tenure.sso import selectors as sso
from tenure.sso.saml import alarms
from tenure.writeback import selectors as write_backs

#: New records that may be somebody's are listed one by one, so many.
_MOST_RECORDS = 5


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that waits. `ask` is what the link to it says."""

    mark: Mark
    title: str
    detail: str
    url: str
    ask: str


def items(company: Company, *, provisions: bool = True) -> list[Item]:
    """Everything that waits for a person. `provisions`: whether there is an application at all."""
    return [
        *_writes(company),
        *_paused(),
        *_stopped(),
        *_reviews(),
        *_credentials(),
        *_sign_on(),
        *_signing_keys(),
        *_not_told(),
        *_held(),
        *(_changes(company) if provisions else ()),
        *_imports(),
        *_unreadable_sources(),
        *_written_back(),
        *_matches(),
        *_failed(),
        *_requests(),
        *_by_hand(),
        *_disputed(),
        *_without_email(),
        *_without_end(),
        *_bad_rows(),
    ]


def plural(count: int, one: str, many: str = "") -> str:
    """`1 account`, `1,284 accounts`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _writes(company: Company) -> list[Item]:
    if company.writes_stopped_at is None:
        return []
    detail = company.writes_stopped_reason or "No reason was given."
    mark = Mark("Stopped", "remove")
    title = "All writes are stopped"
    return [Item(mark, title, detail, reverse("console:writes"), "Resume")]


def _paused() -> list[Item]:
    return [
        Item(
            Mark("Stopped", "remove"),
            f"Writes to {row.name} are stopped",
            f"By {row.paused_by}: {row.paused_reason or 'no reason was given'}",
            reverse("console:application", args=[row.slug]),
            "Resume",
        )
        for row in applications.paused()
    ]


def _stopped() -> list[Item]:
    rows = applications.stopped()
    waiting = provisioning.waiting_for([row.pk for row in rows])
    found = []
    for row in rows:
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


def _unreadable_sources() -> list[Item]:
    return [
        Item(
            Mark("Fails", "remove"),
            f"{row.name} cannot be imported",
            f"{row.failed_reason} Tried {plural(row.failures, 'time')} in a row.",
            reverse("console:sources"),
            "Look",
        )
        for row in sources.failing()
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
    return [
        Item(
            Mark("Who is it", "wait"),
            f"Is this {row.person.display_name}?",
            f"What was typed on {row.browser or 'a computer'} is not what HR has. The code that "
            "was sent to their address was right.",
            reverse("console:review", args=[row.pk]),
            "Decide",
        )
        for row in identity.open_reviews()
    ]


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


def _imports() -> list[Item]:
    names = sources.source_names()
    return [
        Item(
            Mark("Held", "wait"),
            f"Leavers from {names.get(run.subject, run.subject)}",
            run.message or "More leavers than the guard allows.",
            reverse("console:run", args=[run.pk]),
            "Review",
        )
        for run in runs.held_imports()
    ]


def _matches() -> list[Item]:
    """New records one by one, as long as they are few; everything else as a number."""
    counts = matches.counts()
    rows = matches.of_records(matches.records_page(size=_MOST_RECORDS).rows)
    detail = "Could be {}. No account is made until it is said."
    items = [
        Item(
            Mark("The same?" if row.question.found_by else "Rehire?", "wait"),
            f"Is {row.name} ({row.number}) "
            + ("somebody whom we know?" if row.question.found_by else "somebody who was here?"),
            detail.format(
                " or ".join(who(one.person) for one in row.candidates)
                or "somebody who is gone since"
            ),
            reverse("console:match", args=[row.question.pk]),
            "Decide",
        )
        for row in rows
        if row.question is not None
    ]
    rest = (
        ("records", counts.records - len(rows), "more new record",
         "Each may be somebody who is known. No account is made until it is said."),
        ("people", counts.people, "pair of people who may be one",
         "Found by what they share. Each pair is one person, or two for good."),
        ("unsure", counts.unsure, "question of which somebody was not sure",
         "What was said is with it. It goes on waiting."),
    )  # fmt: skip
    for part, count, what, why in rest:
        if count > 0:
            url = f"{reverse('console:matches')}?part={part}"
            many = what.replace("pair ", "pairs ").replace("question ", "questions ")
            title = plural(count, what, f"{what}s" if part == "records" else many)
            items.append(Item(Mark("The same?", "wait"), title, why, url, "Decide"))
    return items


def _failed() -> list[Item]:
    return [
        Item(
            Mark("Failed", "remove"),
            f"{plural(row.count, 'operation')} failed in {row.name}",
            row.reason or "No reason was given.",
            f"{reverse('console:application', args=[row.application])}#failed",
            "Look",
        )
        for row in provisioning.failed()
    ]


def _requests() -> list[Item]:
    rows = requests.for_administrators()
    if not rows:
        return []
    names = applications.application_names()
    what = [f"{row.person.display_name}: {names.get(row.application, '')}" for row in rows[:3]]
    more = f" and {len(rows) - 3:,} more" if len(rows) > 3 else ""
    return [
        Item(
            Mark("Asked", "wait"),
            f"{plural(len(rows), 'request')} for access "
            f"{'waits' if len(rows) == 1 else 'wait'} for an administrator",
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


def _disputed() -> list[Item]:
    rows = applications.disputed()
    owners = people.people_by_key(uid for row in rows for uid in row.candidates)
    by_application: dict[str, list[Account]] = {}
    for row in rows:
        by_application.setdefault(row.application.slug, []).append(row)
    found = []
    for slug, accounts in by_application.items():
        names = sorted(
            {owners[u].display_name for a in accounts for u in a.candidates if u in owners}
        )
        which = ", ".join(account.user_name or account.remote_id for account in accounts[:4])
        whose = f": could be {' or '.join(names[:3])}" if names else ""
        found.append(
            Item(
                Mark("Disputed", "wait"),
                f"{plural(len(accounts), 'account')} in {accounts[0].application.name} "
                f"{'has' if len(accounts) == 1 else 'have'} several possible owners",
                f"{which}{whose}",
                f"{reverse('console:application_accounts', args=[slug])}?situation=disputed",
                "Look",
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


def _bad_rows() -> list[Item]:
    return [
        Item(
            Mark("Problem", "change"),
            f"{plural(row.errors, 'row')} of {row.source.name} could not be read",
            "The other rows were taken. Each is listed with its line and what to correct.",
            f"{reverse('console:run', args=[(row.whole or row.last).pk])}#issues",
            "Look",
        )
        for row in sources.sources()
        if row.errors and row.last is not None
    ]
