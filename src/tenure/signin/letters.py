"""E-mails are queued with what they are about, in the same transaction. `sending` sends them."""

from __future__ import annotations

from typing import Any

from tenure.infra.jobs import defer_once
from tenure.people.models import Person
from tenure.signin.models import Letter
from tenure.signin.owners import Owner, address_for


def queue(kind: Letter.Kind, *, to: str, **about: Any) -> Letter:
    """It goes out when the transaction is committed; one job that waits already is enough."""
    row = Letter.objects.create(kind=kind, to=to, **about)
    defer_once("tenure.send_letters", queueing_lock="send letters")
    return row


def notice(owner: Owner, *, subject: str, text: str, link: str = "", do: str = "") -> None:
    """Tell a person what happened to their access; `do` is what the link to a page of ours says.
    Nothing where no address is known."""
    if not isinstance(owner, Person):
        return
    to = owner.email if "@" in owner.email else address_for(owner)
    if to:
        words = {"subject": subject, "text": text, "link": link, "do": do}
        queue(Letter.Kind.NOTICE, to=to, words=words)


def masked(address: str) -> str:
    """`a••••@gmail.com`: enough for its owner to know which."""
    name, at, domain = address.rpartition("@")
    return f"{name[:1]}••••{at}{domain}"
