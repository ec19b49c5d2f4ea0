"""Who may sign in: rules first, then what the application asks for; nothing missing lets in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from ipaddress import ip_network

import pytest

from tenure.core.sign_on import Cause, Hours, Policy, Stage, Standing, Verdict, decide

NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)  # a Friday
ANA = Standing(
    may_come_in=True,
    due=True,
    why="Due by Everybody.",
    stage=Stage.OPEN,
    local=NOON,
    address="203.0.113.9",
    passkey_at=NOON - timedelta(minutes=5),
)
ANYBODY = Policy()
OFFICE = Policy(networks=(ip_network("203.0.113.0/24"), ip_network("2001:db8::/32")))


def cause(policy: Policy = ANYBODY, **changes: object) -> tuple[Verdict, Cause]:
    decision = decide(replace(ANA, **changes), policy)  # type: ignore[arg-type]
    assert decision.reason
    return decision.verdict, decision.cause


def test_the_rules_decide_first() -> None:
    assert cause() == (Verdict.ALLOWED, Cause.NONE)
    assert cause(due=False, why="Not due.") == (Verdict.REFUSED, Cause.NOT_GIVEN)
    assert cause(may_come_in=False) == (Verdict.REFUSED, Cause.OUTSIDE)


def test_an_account_that_comes_is_waited_for() -> None:
    assert cause(stage=Stage.COMING) == (Verdict.SETTING_UP, Cause.COMING)
    assert cause(stage=Stage.BY_HAND) == (Verdict.SETTING_UP, Cause.BY_HAND)
    assert cause(stage=Stage.NONE) == (Verdict.REFUSED, Cause.ACCOUNT)
    assert cause(Policy(needs_account=False), stage=Stage.NONE)[0] is Verdict.ALLOWED


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("203.0.113.9", True),
        ("::ffff:203.0.113.9", True),
        ("2001:db8::5", True),
        ("198.51.100.1", False),
        ("nonsense", False),
        (None, False),
    ],
)
def test_networks(address: str | None, inside: bool) -> None:
    wanted = (Verdict.ALLOWED, Cause.NONE) if inside else (Verdict.REFUSED, Cause.NETWORK)
    assert cause(OFFICE, address=address) == wanted


def test_countries() -> None:
    here = Policy(countries=frozenset({"HU", "AT"}))
    assert cause(here, country="HU") == (Verdict.ALLOWED, Cause.NONE)
    assert cause(here, country="PE") == (Verdict.REFUSED, Cause.COUNTRY)
    # A country that is not known lets nobody in; a network of the company's own does.
    assert cause(here, country="")[1] is Cause.COUNTRY
    assert cause(here, country="", own_network=True)[0] is Verdict.ALLOWED
    assert "a country that is not known" in decide(ANA, here).reason


def test_hours_and_nights() -> None:
    office = Policy(hours=Hours(frozenset(range(5)), time(7), time(19)))
    assert cause(office)[0] is Verdict.ALLOWED
    assert cause(office, local=NOON.replace(hour=19))[1] is Cause.HOURS
    assert cause(office, local=NOON + timedelta(days=1))[1] is Cause.HOURS
    # Friday's night goes on until Saturday morning.
    night = Policy(hours=Hours(frozenset({4}), time(22), time(6)))
    assert cause(night, local=NOON.replace(hour=23))[0] is Verdict.ALLOWED
    assert cause(night, local=NOON.replace(hour=5) + timedelta(days=1))[0] is Verdict.ALLOWED
    assert cause(night, local=NOON.replace(hour=5))[1] is Cause.HOURS
    assert Hours(frozenset({4}), time(7)).holds(NOON.replace(hour=23, minute=59))


def test_a_fresh_passkey() -> None:
    sensitive = Policy(passkey_within=timedelta(minutes=15))
    assert cause(sensitive)[0] is Verdict.ALLOWED
    assert cause(sensitive, passkey_at=NOON - timedelta(minutes=16))[0] is Verdict.CONFIRM
    # Whoever came in by a code has not used one at all.
    assert cause(sensitive, passkey_at=None) == (Verdict.CONFIRM, Cause.PASSKEY)
    # A passkey does not open what is not theirs.
    assert cause(sensitive, passkey_at=None, due=False)[0] is Verdict.REFUSED
