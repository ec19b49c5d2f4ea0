"""Who decides about a request, whatever HR says: never who asks, never who is not able to."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tenure.core.approval import Approver, Route, route

_KEYS = st.sets(st.sampled_from("abcde"))
_KNOWN = st.dictionaries(st.sampled_from(list(Approver)), _KEYS)


@given(st.sampled_from(list(Approver)), st.sampled_from("abcde"), _KNOWN, _KEYS)
def test_nobody_decides_for_themselves_nor_who_is_gone(
    wanted: Approver, requester: str, known: dict[Approver, set[str]], able: set[str]
) -> None:
    found = route(wanted, requester, known, able)
    assert requester not in found.people
    assert found.people <= able
    assert bool(found.people) == (found.by is not Approver.ADMINISTRATORS)
    assert found.people <= known.get(found.by, set())


def test_the_one_after_the_other() -> None:
    known = {Approver.MANAGER: ["m"], Approver.OWNER: ["o"], Approver.NAMED: ["x", "y"]}
    everybody = {"m", "o", "x", "y"}
    manager, owner, named, admins = Approver
    assert route(manager, "a", known, everybody) == Route(manager, frozenset("m"))
    assert route(manager, "a", known, {"o"}) == Route(owner, frozenset("o"), manager)
    assert route(named, "x", known, everybody) == Route(named, frozenset("y"))
    assert route(owner, "o", known, everybody) == Route(admins, frozenset(), owner)
    assert route(manager, "a", {}, everybody) == Route(admins, frozenset(), manager)
