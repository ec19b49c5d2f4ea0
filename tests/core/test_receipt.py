"""The verdicts of a leaver's receipt: what counts as proof, and what is left to a person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tenure.core.receipt import (
    AccountFacts,
    Message,
    Part,
    SessionFacts,
    Told,
    Verdict,
    account,
    sessions,
    worst,
)

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
SAID = Part(Verdict.SAID, "Closed by hand, as ben said.", NOON)
CLOSED = Part(Verdict.DONE, "Closed.", NOON)
HERE = Part(Verdict.OPEN, "They are to have it.")


def facts(**more: Any) -> AccountFacts:
    return AccountFacts(**{"due": False, "gone": False, "active": True, **more})


def told(state: Told, minutes: int = 0, **more: Any) -> Message:
    at = NOON + timedelta(minutes=minutes)
    return Message(how="SAML single logout", made_at=at, told=state, at=at, **more)


@pytest.mark.parametrize(
    ("given", "verdict", "words"),
    [
        (facts(gone=True, read_back="it is not there"), "done", "Gone: read afterwards, it is"),
        (
            facts(gone=True, kept=True, read_back="kept there, but closed"),
            "done",
            "Closed: read afterwards, kept there, but closed.",
        ),
        (facts(active=False), "done", "Closed, as it was last read."),
        (
            facts(active=False, word_of="ben"),
            "said",
            "Closed by hand, as ben said: not proven, for it was not read",
        ),
        (facts(due=True), "open", "They are to have it."),
        (facts(closing="planned"), "under_way", "It is being closed."),
        (facts(closing="retrying", said="503"), "under_way", "Closing it is tried again: 503."),
        (facts(closing="held", said="40 leavers"), "by_hand", "waits for somebody to approve it"),
        (facts(closing="manual"), "by_hand", "A person has to close it."),
        (facts(closing="failed", active=False), "by_hand", "Closing it failed."),
        # Closed already: that it is to be deleted later takes nothing of that away.
        (facts(closing="planned", active=False), "done", "Closed"),
        (facts(untouched="x", said="mode is report"), "by_hand", "mode is report"),
        (facts(active=None), "by_hand", "does not tell whether it is open"),
        (facts(), "under_way", "nothing is planned yet"),
    ],
)
def test_an_account(given: AccountFacts, verdict: str, words: str) -> None:
    found = account(given)
    assert (found.verdict, words in found.words) == (verdict, True), found


@pytest.mark.parametrize(
    ("given", "accounts", "verdict", "words"),
    [
        (SessionFacts(live=2), [HERE], "open", "2 open."),
        (SessionFacts(live=1), [CLOSED], "under_way", "still open"),
        (
            SessionFacts(messages=[told(Told.ARRIVED, answer="answered 200", event=7)]),
            [CLOSED],
            "done",
            "SAML single logout: answered 200.",
        ),
        (
            SessionFacts(messages=[told(Told.WAITING, tries=3, answer="answered 503")]),
            [CLOSED],
            "under_way",
            "tried 3 times: answered 503.",
        ),
        (
            SessionFacts(messages=[told(Told.FAILED, answer="answered 400")], by_hand="Do it."),
            [CLOSED],
            "by_hand",
            "did not arrive: answered 400. Do it.",
        ),
        # One that arrived says nothing of another session.
        (
            SessionFacts(
                messages=[told(Told.ARRIVED, 1), told(Told.FAILED, answer="answered 400")],
                by_hand="Do it.",
            ),
            [CLOSED],
            "by_hand",
            "did not arrive for 1 of 2 sessions: answered 400. Do it.",
        ),
        (
            SessionFacts(messages=[told(Told.ARRIVED, 1), told(Told.WAITING)]),
            [CLOSED],
            "under_way",
            "on its way",
        ),
        (
            SessionFacts(messages=[told(Told.FAILED, answer="no"), told(Told.WAITING)]),
            [CLOSED],
            "by_hand",
            "did not arrive for 1 of 2 sessions: no.",
        ),
        # By one of several ways is enough, for the session that it is about.
        (
            SessionFacts(
                messages=[
                    told(Told.FAILED, session="a"),
                    told(Told.ARRIVED, 1, session="a", answer="answered 200", event=7),
                ]
            ),
            [CLOSED],
            "done",
            "answered 200",
        ),
        (
            SessionFacts(
                messages=[
                    told(Told.ARRIVED, session="a"),
                    told(Told.ARRIVED, session="b"),
                    told(Told.FAILED, 8, session="b", again=True, answer="answered 500"),
                ]
            ),
            [CLOSED],
            "by_hand",
            "did not arrive for 1 of 2 sessions: answered 500.",
        ),
        # As long as what they were given may still be used there, nothing is proven.
        (
            SessionFacts(
                messages=[
                    told(Told.ARRIVED, whole=True),
                    told(Told.WAITING, due=NOON + timedelta(minutes=8)),
                ]
            ),
            [CLOSED],
            "under_way",
            "told, and once more at 12:08:00 UTC: until then it may take what they were given",
        ),
        # Nor of one that was begun before, and did not end as it was told to.
        (
            SessionFacts(
                messages=[told(Told.ARRIVED, 9), told(Told.FAILED, answer="answered 400")],
                signed_in_at=NOON + timedelta(minutes=5),
            ),
            [CLOSED],
            "by_hand",
            "did not arrive for 1 of 2 sessions: answered 400.",
        ),
        # What ends everything ends that, too.
        (
            SessionFacts(
                messages=[
                    told(Told.ARRIVED, 9, whole=True, answer="answered 204", event=7),
                    told(Told.FAILED, 9),
                    told(Told.FAILED),
                ],
                signed_in_at=NOON + timedelta(minutes=5),
            ),
            [CLOSED],
            "done",
            "answered 204",
        ),
        # What arrived before they signed in again proves nothing.
        (
            SessionFacts(
                messages=[told(Told.ARRIVED)], signed_in_at=NOON + timedelta(hours=1), ways=["x"]
            ),
            [CLOSED],
            "by_hand",
            "the account is closed, and whether that ends its sessions is not known",
        ),
        (SessionFacts(closing_ends=True), [CLOSED], "done", "with the account"),
        (SessionFacts(closing_ends=True), [CLOSED, SAID], "said", "as a person said"),
        (SessionFacts(closing_ends=False), [SAID], "by_hand", "cannot be told"),
        (SessionFacts(closing_ends=True), [CLOSED, HERE], "open", "None is open"),
        (SessionFacts(closing_ends=False), [CLOSED], "by_hand", "cannot be told"),
        # What it keeps open by itself asks for no token.
        (SessionFacts(tokens_void_at=NOON, signed_in_at=NOON), [], "by_hand", "tokens are void"),
        (SessionFacts(signed_out_at=NOON, signed_in_at=NOON), [], "done", "signed out of it"),
        (SessionFacts(), [], "nothing", "never signed in"),
        (SessionFacts(ways=["x"], never_open=True), [CLOSED], "nothing", "was never open"),
        (SessionFacts(signed_in_at=NOON, never_open=True), [CLOSED], "by_hand", "cannot be told"),
        (SessionFacts(ways=["x"]), [CLOSED], "by_hand", "never signed in there through Tenure;"),
    ],
)
def test_sessions(given: SessionFacts, accounts: list[Part], verdict: str, words: str) -> None:
    found = sessions(given, accounts)
    assert (found.verdict, words in found.words) == (verdict, True), found
    if given.messages and verdict == "done":
        assert found.event == 7


def test_what_is_left_to_a_person_is_said_first() -> None:
    parts = [CLOSED, Part(Verdict.BY_HAND, "x"), Part(Verdict.UNDER_WAY, "y")]
    assert worst(parts) is Verdict.BY_HAND
    assert worst(parts[::2]) is Verdict.UNDER_WAY
    assert worst([CLOSED, SAID]) is Verdict.SAID
    assert worst([CLOSED]) is Verdict.DONE
    assert worst([]) is Verdict.NOTHING
