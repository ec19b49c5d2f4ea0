"""Whether somebody's access to one application has really ended, from what is known of it: the
account, and what they are signed in to. Each has a verdict with the proof, or with what is left to
be done by hand. What is not known is never taken for done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from tenure.core.instants import told as told_at

#: What somebody had begun longer before their last sign-in is taken for over.
LASTS: Final = timedelta(days=30)


class Verdict(StrEnum):
    """How far the end of something is."""

    DONE = "done"  # and there is proof
    SAID = "said"  # a person says so; nothing proves it
    UNDER_WAY = "under_way"  # it is being done, and tried again
    BY_ITSELF = "by_itself"  # nothing can be told there; what they have expires
    BY_HAND = "by_hand"  # a person has to do it
    OPEN = "open"  # they are to have it
    NOTHING = "nothing"  # there is, and was, nothing


class Told(StrEnum):
    """What became of a message to an application."""

    WAITING = "waiting"
    ARRIVED = "arrived"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Message:
    """The application was told, in some way, to end somebody's sessions. `how` names the way,
    `made_at` is when it was written, `at` when it was answered or last sent; `event` is its place
    in the audit trail's chain. `whole`: it ends all that they have there; else one session of
    `session` of theirs, and says nothing of the others. `due`: it is sent then, as what they were
    given to sign in with may be used until then; `again`: it is such a one. `late`: it has been
    tried for so long that a person had better do it meanwhile."""

    how: str
    made_at: datetime
    told: Told
    at: datetime | None = None
    answer: str = ""
    tries: int = 0
    event: int | None = None
    whole: bool = False
    session: str = ""
    due: datetime | None = None
    again: bool = False
    late: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """Somebody says that it is over: `words` are the sentence, `event` where they said so in the
    audit trail's chain."""

    at: datetime
    words: str
    event: int | None = None


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """One account there. `closing` is the state of the operation that closes or deletes it, ""
    where there is none, and `said` what is known of that. `read_back` is what the application
    showed after it was closed; `kept`: it was to be deleted, and is closed there; `word_of`:
    nobody has read it since this person said so."""

    due: bool
    gone: bool
    active: bool | None
    closing: str = ""
    said: str = ""
    ended_at: datetime | None = None
    read_back: str = ""
    kept: bool = False
    word_of: str = ""
    untouched: str = ""


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """What they were signed in to. `live` sessions are known to go on; `ways` are those by which
    the application can be told; `closing_ends` says whether its sessions end with the account
    (None: not known). `signed_out_at`: there, by themselves, as the application itself has said;
    after which they did not sign in again.
    `never_open`: no account of theirs there ever was; `deleted`: every one was read as gone.
    `words` are those of whoever did it by hand, `asked`: the task to close the account asks to look
    at that, too; `could_not`: who could not do it by hand, and why. What was begun through us ends
    by itself at `ends_at` at the latest (None: not known), and `over` says that this has passed."""

    live: int = 0
    signed_in_at: datetime | None = None
    messages: Sequence[Message] = ()
    signed_out_at: datetime | None = None
    tokens_void_at: datetime | None = None
    ways: Sequence[str] = ()
    closing_ends: bool | None = None
    by_hand: str = ""
    never_open: bool = False
    deleted: bool = False
    words: Sequence[Word] = ()
    asked: bool = False
    could_not: str = ""
    ends_at: datetime | None = None
    over: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """The verdict on one part, a sentence, when it was so, and where the proof is in the chain.
    `cause`: a task asks somebody to do it by hand, for this reason; "" where none does."""

    verdict: Verdict
    words: str
    at: datetime | None = None
    event: int | None = None
    cause: str = ""


_UNDER_WAY = {
    "planned": "It is being closed.",
    "started": "It is being closed.",
    "retrying": "Closing it is tried again",
    "unknown": "Whether it is closed is looked at",
}
_STUCK = {
    "held": "Closing it waits for somebody to approve it",
    "manual": "A person has to close it",
    "failed": "Closing it failed",
    "rejected": "Closing it was rejected by",
}

_NOT_KNOWN: Final = "whether that ends its sessions is not known"


def account(facts: AccountFacts) -> Part:
    """Of one account."""
    if facts.gone:
        word = "Closed" if facts.kept else "Gone"
        return Part(_proven(facts), _proof(word, facts), facts.ended_at)
    if facts.due:
        return Part(Verdict.OPEN, "They are to have it.")
    if facts.closing == "rejected" and facts.active is not False:
        return Part(Verdict.BY_HAND, f"{_STUCK['rejected']} {facts.said}.")
    if facts.closing in _STUCK and facts.closing != "rejected":
        return Part(Verdict.BY_HAND, _with(_STUCK[facts.closing], facts.said))
    if facts.active is False:
        return Part(_proven(facts), _proof("Closed", facts), facts.ended_at)
    if facts.closing in _UNDER_WAY:
        return Part(Verdict.UNDER_WAY, _with(_UNDER_WAY[facts.closing], facts.said))
    if facts.untouched:
        return Part(Verdict.BY_HAND, _with("It is open, and Tenure does not close it", facts.said))
    if facts.active is None:
        return Part(Verdict.BY_HAND, "The application does not tell whether it is open.")
    return Part(Verdict.UNDER_WAY, "It is open, and nothing is planned yet.")


def sought(state: str, said: str) -> Part:
    """Of an account that may have been made: nobody answered. `state` of the operation that was to
    make it, and what is `said` there."""
    if state in ("manual", "failed"):
        return Part(Verdict.BY_HAND, _with("Whether it was made somebody has to look", said))
    return Part(Verdict.UNDER_WAY, "It may have been made, nobody answered: it is looked for.")


def sessions(facts: SessionFacts, accounts: Sequence[Part]) -> Part:
    """Of what they are signed in to, where their accounts there are so."""
    if any(part.verdict is Verdict.OPEN for part in accounts) and not _recent(facts):
        where = f"{facts.live} open" if facts.live else "None is open that is known here"
        return Part(Verdict.OPEN, f"{where}.")
    if facts.live:
        return Part(Verdict.UNDER_WAY, f"{facts.live} still open: ended at the next look.")
    told = _recent(facts)
    if told:
        told = _of_each_session([*told, *_not_over(facts)])
    if arrived := _proof_of_all(told):
        last = max(arrived, key=lambda one: one.made_at)
        return Part(Verdict.DONE, _with(last.how, last.answer), last.at, last.event)
    waiting = _under_way(told)
    if waiting and not any(one.late for one in waiting):
        return _waits(waiting)
    ended = [part for part in accounts if part.verdict in (Verdict.DONE, Verdict.SAID)]
    if ended and len(ended) == len(accounts) and facts.closing_ends:
        at = max((part.at for part in ended if part.at), default=None)
        if worst(ended) is Verdict.SAID:
            said = "They end there with the account, which is closed as a person said."
            return Part(Verdict.SAID, said, at)
        return Part(Verdict.DONE, "They end there with the account, which is closed.", at)
    if (settled := _settled(facts, accounts)) is not None:
        return settled
    if waiting:
        return _late(facts, next(one for one in waiting if one.late))
    if facts.signed_in_at is None and not told:
        if not accounts:
            return Part(Verdict.NOTHING, "They were never signed in there through Tenure.")
        if facts.never_open:
            said = "Their account there was never open, and they never came in through Tenure."
            return Part(Verdict.NOTHING, said)
    return _left(facts, told, closed=bool(ended) and len(ended) == len(accounts))


def _settled(facts: SessionFacts, accounts: Sequence[Part]) -> Part | None:
    """What has no message for a proof, and needs none, or is asked for elsewhere; None where that
    is not so."""
    if facts.deleted and facts.closing_ends is not False:
        at = max((part.at for part in accounts if part.at), default=None)
        said = "Their account there is deleted: nothing is left that they could be signed in as."
        return Part(Verdict.DONE, said, at)
    since = facts.signed_in_at
    if words := [one for one in facts.words if since is None or one.at >= since]:
        last = max(words, key=lambda one: one.at)
        return Part(Verdict.SAID, last.words, last.at, last.event)
    if facts.asked:
        said = "Whoever closes the account by hand is asked to look that nobody is signed in there."
        return Part(Verdict.BY_HAND, said)
    moving = (Verdict.UNDER_WAY, Verdict.DONE, Verdict.SAID)
    if facts.closing_ends and accounts and all(part.verdict in moving for part in accounts):
        return Part(Verdict.UNDER_WAY, "They end there with the account, which is being closed.")
    return None


def _left(facts: SessionFacts, told: Sequence[Message], *, closed: bool) -> Part:
    """Nothing that was told there proves that they are over."""
    failed = [one for one in told if one.told is Told.FAILED]
    if facts.signed_out_at is not None and not failed:
        return Part(Verdict.DONE, "They had signed out of it themselves.", facts.signed_out_at)
    if facts.over and facts.ends_at is not None:
        said = f"It was to end by itself by {told_at(facts.ends_at)}; nothing proves that it did."
        return Part(Verdict.BY_ITSELF, said, facts.ends_at)
    if failed:
        last = max(failed, key=lambda one: one.made_at)
        every, missed = _count(told), _count(failed)
        which = f" for {missed} of {every} sessions" if every > missed else ""
        said = f"{last.how} did not arrive{which}: {last.answer or 'no answer'}"
        return _for_a_person(facts, said.rstrip("."), last.at, last.event)
    if facts.ways and facts.signed_in_at is None:
        said = "They were never signed in there through Tenure"
    elif facts.tokens_void_at is not None:
        said = "Its tokens are void, and it cannot be told to end the session that it keeps itself"
    else:
        said = "It cannot be told that a session has ended"
    if closed:
        known = "its sessions go on" if facts.closing_ends is False else _NOT_KNOWN
        said = f"{said}; the account is closed, and {known}"
    asks = facts.signed_in_at is not None or (closed and facts.closing_ends is False)
    return _for_a_person(facts, said, asks=asks)


def _for_a_person(
    facts: SessionFacts,
    said: str,
    at: datetime | None = None,
    event: int | None = None,
    *,
    asks: bool = True,
) -> Part:
    """`asks`: a task does. It does not where nothing says that they were ever signed in there: then
    whether sessions end with the account has to be found out once, and not for each leaver."""
    do = facts.by_hand or "Sign them out in the application's own administration."
    words = f"{said}. {do}"
    if facts.ends_at is not None:
        until = told_at(facts.ends_at)
        words = f"{words} What was begun by Tenure ends by itself by {until} at the latest."
    if facts.could_not:
        words = f"{words} {facts.could_not}"
    return Part(Verdict.BY_HAND, words, at, event, cause=f"{said}." if asks else "")


def _recent(facts: SessionFacts) -> list[Message]:
    """Those that were written after the last sign-in: others tell of what was over before."""
    since = facts.signed_in_at
    return [one for one in facts.messages if since is None or one.made_at >= since]


def _of_each_session(told: Sequence[Message]) -> list[Message]:
    """Of those that tell of one session by several ways the one that got furthest."""
    order = (Told.ARRIVED, Told.WAITING, Told.FAILED)
    found: dict[object, Message] = {}
    for number, one in enumerate(told):
        key = (one.session, one.again) if one.session else number
        if key not in found or order.index(one.told) < order.index(found[key].told):
            found[key] = one
    return list(found.values())


def _count(told: Sequence[Message]) -> int:
    """Of how many sessions."""
    return len({one.session or str(number) for number, one in enumerate(told)})


def _not_over(facts: SessionFacts) -> list[Message]:
    """Those of sessions before the last sign-in that are not known to have ended: one that did not
    arrive says nothing of another that did. What ended everything later ended them too."""
    since = facts.signed_in_at
    if since is None:
        return []
    over = [one.made_at for one in facts.messages if one.whole and one.told is Told.ARRIVED]
    begin = max([since - LASTS, *over])
    return [
        one
        for one in facts.messages
        if begin < one.made_at < since and one.told is not Told.ARRIVED
    ]


def _proof_of_all(told: Sequence[Message]) -> list[Message]:
    """The messages by which all that they have there has ended: one that ends everything, or those
    to every session, each of them answered. [] where they do not prove it."""
    arrived = [one for one in told if one.told is Told.ARRIVED]
    of_everything = [one for one in arrived if one.whole]
    of_each = [one for one in told if not one.whole]
    if any(one.due for one in told):
        return []
    if of_everything:
        return of_everything
    return arrived if of_each and all(one.told is Told.ARRIVED for one in of_each) else []


def _under_way(told: Sequence[Message]) -> list[Message]:
    """What waits, the next one first; [] where another session is left to a person all the same."""
    waiting = [one for one in told if one.told is Told.WAITING]
    left = any(one.told is Told.FAILED and not one.whole for one in told)
    if left and not any(one.whole for one in waiting):
        return []
    return sorted(waiting, key=lambda one: one.due is not None)


def _waits(waiting: Sequence[Message]) -> Part:
    first = waiting[0]
    if first.due is not None:
        said = (
            f"told, and once more at {first.due:%H:%M:%S %Z}: until then it may take what they were"
        )
        words = f"{first.how}: {said} given to sign in with before."
        return Part(Verdict.UNDER_WAY, words)
    tries = f"tried {first.tries} times" if first.tries > 1 else "on its way"
    return Part(Verdict.UNDER_WAY, _with(f"{first.how}: {tries}", first.answer), first.at)


def _late(facts: SessionFacts, message: Message) -> Part:
    said = f"{message.how} has not arrived in {message.tries} tries, and is tried further"
    words = f"{said}: {message.answer.rstrip('.')}" if message.answer else said
    return _for_a_person(facts, words, message.at)


def worst(parts: Sequence[Part]) -> Verdict:
    """What is to be said of all of them together."""
    order = (
        Verdict.BY_HAND,
        Verdict.UNDER_WAY,
        Verdict.SAID,
        Verdict.BY_ITSELF,
        Verdict.OPEN,
        Verdict.DONE,
    )
    found = {part.verdict for part in parts}
    return next((one for one in order if one in found), Verdict.NOTHING)


def _proven(facts: AccountFacts) -> Verdict:
    """A person's word is no proof."""
    return Verdict.SAID if facts.word_of and not facts.read_back else Verdict.DONE


def _proof(word: str, facts: AccountFacts) -> str:
    if facts.read_back:
        return f"{word}: read afterwards, {facts.read_back}."
    if facts.word_of:
        return f"{word} by hand, as {facts.word_of} said: not proven, for it was not read since."
    return f"{word}, as it was last read."


def _with(said: str, more: str) -> str:
    text = f"{said.rstrip('.')}: {more}" if more else said
    return text if text.endswith((".", "?", "!")) else f"{text}."
