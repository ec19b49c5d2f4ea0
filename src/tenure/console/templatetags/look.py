"""Tags and filters of the console. Each shows one kind of value, escaped."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from lucide import _render_icon

from tenure.applications.models import Account, Application
from tenure.catalogue.entry import Entry
from tenure.catalogue.index import Listed
from tenure.console import look
from tenure.core import holdings
from tenure.core.cleaning import example
from tenure.core.instants import zone_name
from tenure.people.models import Person
from tenure.provisioning.decisions.byhand import Failing

register = template.Library()
#: What dates and instants with a zone look like in JSON; anything else is shown as it is.
_ISO = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?")
_NONE = format_html('<span class="quiet">{}</span>', "—")


@register.simple_tag
def icon(name: str, size: int = 16) -> SafeString:
    """An icon that says nothing of its own: a word is always beside it."""
    return _icon(str(name), size)


@lru_cache(maxsize=256)
def _icon(name: str, size: int) -> SafeString:
    # The library's own files; nothing of a user's is in it.
    attributes = {"aria_hidden": "true", "class": "icon", "stroke_width": "1.75"}
    return mark_safe(_render_icon(name, size, focusable="false", **attributes))


@register.simple_tag
def mono(application: Application, size: int = 24) -> SafeString:
    """An application's monogram."""
    return monogram(application.name, application.slug, application.colour, size)


@register.simple_tag
def monogram(name: str, slug: str, colour: str = "", size: int = 24) -> SafeString:
    """A monogram from its parts."""
    return _monogram(look.monogram(name, slug, colour), size)


@register.simple_tag
def tile(entry: Entry | Listed, size: int = 36) -> SafeString:
    """The monogram of an entry of the catalogue."""
    shown = look.monogram(entry.name, entry.slug, entry.colour)
    return _monogram(replace(shown, letters=entry.monogram), size)


def _monogram(shown: look.Monogram, size: int) -> SafeString:
    return format_html(
        '<svg class="mono" width="{0}" height="{0}" viewBox="0 0 24 24" aria-hidden="true">'
        '<rect width="24" height="24" rx="6" fill="{1}"/>'
        '<text x="12" y="16" text-anchor="middle" fill="{2}">{3}</text></svg>',
        size,
        shown.fill,
        shown.ink,
        shown.letters,
    )


@register.simple_tag
def avatar(person: Person, size: str = "") -> SafeString:
    """A person's initials."""
    return format_html(
        '<span class="avatar {} hue-{}" aria-hidden="true">{}</span>',
        size,
        look.bucket(str(person.uid), look.HUES),
        look.letters(person.display_name),
    )


@register.simple_tag
def tag(word: str, meaning: str = "") -> SafeString:
    """A word with its meaning."""
    return _tag(look.Mark(word, meaning))


@register.filter
def person_tag(state: str) -> SafeString:
    """A lifecycle state."""
    return _tag(look.PERSON.get(state, look.Mark(state)))


@register.filter
def run_tag(state: str) -> SafeString:
    """The state of a run."""
    return _tag(look.RUN.get(state, look.Mark(state)))


@register.filter
def operation_tag(state: str) -> SafeString:
    """The state of an operation."""
    return _tag(look.OPERATION.get(state, look.Mark(state)))


@register.filter
def account_tag(account: Account) -> SafeString:
    """What an account is now."""
    return _tag(look.account_mark(account))


@register.filter
def situation_word(situation: str) -> str:
    """A situation in the administrator's word."""
    found = look.SITUATIONS.get(str(situation))
    return found.word if found else str(situation)


#: What evidence is made of, as a person reads it.
_EVIDENCE = {
    "at": "When",
    "sent": "What was sent",
    "answered": "It answered",
    "read_back": "Read afterwards",
    "by": "Said by",
}


@register.filter
def evidence_word(name: str) -> str:
    """What a part of a proof is called."""
    return _EVIDENCE.get(name, name.replace("_", " ").capitalize())


@register.filter
def said_by_hand(one: Failing) -> str:
    """What somebody confirms who says that they closed what could not be closed from here."""
    return (
        f"{one.what} Confirm once somebody has done that in {one.application_name}'s own "
        f"administration, and looked: {one.check[:1].lower()}{one.check[1:]} It is not tried again "
        "then. The receipt and the audit trail say that it is your word and not proven, until "
        f"{one.application_name} is read."
    )


@register.filter
def sign(kind: str) -> SafeString:
    """The sign of a kind of operation, with its verb for those who do not see the sign."""
    symbol, meaning, verb, _ = look.KINDS[str(kind)]
    return format_html(
        '<span class="sign {}" title="{}"><span aria-hidden="true">{}</span>'
        '<span class="unseen">{}</span></span>',
        meaning,
        verb,
        symbol,
        verb,
    )


@register.filter
def verb(kind: str) -> str:
    """`Create`, `Disable`."""
    return look.KINDS[str(kind)][2]


@register.filter
def meaning(kind: str) -> str:
    """make, change or remove."""
    return look.KINDS[str(kind)][1]


#: What steps and statements of the catalogue are marked up with.
_SENTENCES = re.compile(r"(?<=[.!?])\s+")
_MARKED = re.compile(r"\*\*(.+?)\*\*|`([^`]+)`|\[([^\]]+)\]\((https://[^)\s]+)\)")


@register.filter
def by_browser(text: str) -> str:
    """A message without the sentences that say by which command something is done: the page has a
    link to it."""
    return " ".join(one for one in _SENTENCES.split(text) if "`tenure " not in one) or text


@register.filter
def marked(text: str) -> SafeString:
    """A text of the catalogue: **bold**, `code` and [words](https://address); all else as it is."""
    parts, end = [], 0
    for found in _MARKED.finditer(text):
        parts.append(escape(text[end : found.start()]))
        bold, code, words, address = found.groups()
        if bold:
            parts.append(format_html("<b>{}</b>", bold))
        elif code:
            parts.append(format_html("<code>{}</code>", code))
        else:
            parts.append(format_html('<a href="{}" rel="noreferrer">{}</a>', address, words))
        end = found.end()
    return mark_safe("".join([*parts, escape(text[end:])]))


@register.filter
def n(value: int | None) -> str:
    """A number with its thousands set apart."""
    return "0" if value is None else f"{value:,}"


@register.filter
def money(amount: Decimal | None, currency: str) -> str:
    """An amount."""
    return "" if amount is None else look.money(amount, currency)


@register.filter
def costs(amounts: Mapping[str, Decimal]) -> str:
    """Amounts of several currencies."""
    return look.costs(amounts)


@register.filter
def when(at: datetime | None) -> SafeString:
    """An instant, with its zone."""
    return _NONE if at is None else _time(at, look.when(at))


@register.filter
def ago(at: datetime | None) -> SafeString:
    """An instant, by how long ago it was."""
    return _NONE if at is None else _time(at, look.ago(at))


@register.filter
def clock(at: datetime) -> SafeString:
    """An instant to the second."""
    local = timezone.localtime(at)
    return _time(at, f"{local:%H:%M:%S}")


@register.filter
def day(value: date | None) -> SafeString:
    """A day."""
    if value is None:
        return _NONE
    return format_html(
        '<time datetime="{}">{}</time>',
        value.isoformat(),
        _day(value),
    )


def _day(value: date) -> str:
    return f"{value.day}\u00a0{value:%b}\u00a0{value.year}"


@register.filter
def span(seconds: float) -> str:
    """A length of time in seconds."""
    return look.span(seconds)


@register.filter
def duration(value: timedelta) -> str:
    """A length of time."""
    return look.duration(value)


@register.filter
def shown(value: Any) -> SafeString:
    """Any value of an attribute."""
    if value is None or value in ("", [], {}):
        return _NONE
    if isinstance(value, bool):
        return escape("yes" if value else "no")
    if isinstance(value, list | tuple):
        return escape(", ".join(str(item) for item in value))
    if isinstance(value, dict):
        return escape(", ".join(f"{key}: {item}" for key, item in value.items()))
    return escape(_instant(str(value)))


def _instant(text: str) -> str:
    """A day or an instant that was stored as text, as the pages show days and instants."""
    if not _ISO.fullmatch(text):
        return text
    try:
        if len(text) == len("2026-11-24"):
            return _day(date.fromisoformat(text))
        return look.when(datetime.fromisoformat(text))
    except ValueError:
        return text


@register.filter
def holding(key: str) -> str:
    """`group:sales` without its kind."""
    return key.partition(":")[2] or key


@register.filter
def date_example(form: str) -> str:
    """The last day of 2026 as a source writes it."""
    return example(form)


@register.filter
def held(keys: Sequence[str]) -> str:
    """What an account held that is gone, as a sentence's part."""
    return holdings.held(keys)


@register.filter
def get(mapping: Mapping[Any, Any], key: Any) -> Any:
    """The value at a key, None if there is none."""
    return mapping.get(key)


def _tag(mark: look.Mark) -> SafeString:
    return format_html('<span class="tag {}">{}</span>', mark.meaning, mark.word)


def _time(at: datetime, text: str) -> SafeString:
    local = timezone.localtime(at)
    full = f"{local.day} {local:%B %Y %H:%M:%S} {zone_name(local)}"
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), full, text)


@register.filter
def event_meaning(action: str) -> str:
    """make, change, remove or wait: what an event of the trail means."""
    meanings: dict[str, str] = {str(key): value for key, value in look.EVENTS.items()}
    return meanings.get(action, "")


@register.filter
def sentence(text: str) -> str:
    """With a capital at its beginning."""
    return text[:1].upper() + text[1:]


@register.filter
def words(text: str) -> list[str]:
    """The words of a constant, for loops."""
    return str(text).split()


@register.filter
def telling(attributes: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """What tells one account from another goes first: its login."""
    return sorted(attributes.items(), key=lambda item: item[0] != "userName")


@register.filter
def absolute(amount: Decimal) -> Decimal:
    """Without its sign: the words beside it say more or less."""
    return abs(amount)
