"""Of what waits for a person: records and people of whom somebody has to say who they are."""

from __future__ import annotations

from django.urls import reverse

from tenure.console.look import Mark
from tenure.console.waiting_item import Item, plural
from tenure.sources import matches
from tenure.sources.asking import who

#: New records that may be somebody's are listed one by one, so many.
_MOST_RECORDS = 5
_NOT_YET = "No account is made until it is said."


def match_items(*, decides: bool) -> list[Item]:
    """New records one by one, as long as they are few; everything else as a number. Who may not
    answer is led to where the questions stand."""
    verb = "Decide" if decides else "Look"
    counts = matches.counts()
    rows = matches.of_records(matches.records_page(size=_MOST_RECORDS).rows)
    items = []
    for row in rows:
        known = any(one.same for one in row.candidates)
        asked = "somebody whom we know?" if known else "somebody who was here?"
        who_else = " or ".join(who(one.person) for one in row.candidates)
        detail = f"Could be {who_else or 'somebody who is gone since'}. {_NOT_YET}"
        mark = Mark("The same?" if known else "Rehire?", "wait")
        one_by_one = reverse("console:match", args=[row.asked.pk])
        url = one_by_one if decides else f"{reverse('console:matches')}#match-{row.asked.pk}"
        items.append(Item(mark, f"Is {row.name} ({row.number}) {asked}", detail, url, verb))
    for part, count, one, many, why in (
        ("records", counts.records - len(rows), "more new record", "", _NOT_YET),
        ("people", counts.people, "pair of people who may be one",
         "pairs of people who may be one", "Found by what they share: one person, or two."),
        ("unsure", counts.unsure, "question of which somebody was not sure",
         "questions of which somebody was not sure", "What was said is with it."),
    ):  # fmt: skip
        if count > 0:
            url, mark = f"{reverse('console:matches')}?part={part}", Mark("The same?", "wait")
            items.append(Item(mark, plural(count, one, many), why, url, verb))
    return items
