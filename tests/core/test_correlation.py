"""Whose an account is: never somebody else's, whatever the order in which things come."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from tenure.core.account_conditions import compile_account_condition, first_that_holds, seen
from tenure.core.correlation import UID, Matcher, MatchRule, Verdict, correlate, default_rules
from tenure.core.expressions import AttributeType
from tenure.core.model import Attributes, Situation

SCHEMA = {"email": AttributeType.STRING, "employee_number": AttributeType.STRING}
RULES = default_rules([("userName", "user.email"), ("emails.work", "user.email")])

values = st.sampled_from(["", "a@x", "A@x", "b@x", "c@x"])
people = st.lists(values, max_size=5)
accounts = st.lists(
    st.fixed_dictionaries(
        {
            "userName": values,
            "emails.work": values,
            "externalId": st.sampled_from(["", "0", "1", "2"]),
        }
    ),
    max_size=5,
)


def verdicts(
    found: list[dict[str, str]],
    emails: list[str],
    rules: tuple[MatchRule, ...] = RULES,
    taken: frozenset[str] = frozenset(),
    order: random.Random | None = None,
) -> dict[str, Verdict]:
    """People are numbered by their place; their number is their uid as well."""
    matcher = Matcher(rules, SCHEMA)
    keyed = [(f"a{n}", matcher.account_keys(_given(a))) for n, a in enumerate(found)]
    who = [
        (str(n), matcher.person_keys(str(n), _given({"email": e}))) for n, e in enumerate(emails)
    ]
    if order:
        order.shuffle(keyed)
        order.shuffle(who)
    return correlate(rules, dict(keyed), who, taken=taken)


def _given(attributes: dict[str, str]) -> Attributes:
    return {name: value for name, value in attributes.items() if value}


@given(accounts, people, st.frozensets(st.sampled_from("01234")))
def test_nobody_gets_two_and_nobody_gets_what_speaks_for_another(
    found: list[dict[str, str]], emails: list[str], taken: frozenset[str]
) -> None:
    owners = []
    for key, verdict in verdicts(found, emails, taken=taken).items():
        if verdict.situation is not Situation.LINKED:
            assert verdict.owner is None
            continue
        account, owner = found[int(key[1:])], verdict.owner
        assert owner is not None
        owners.append(owner)
        assert owner not in taken
        if account["externalId"] == owner:
            continue
        mine = emails[int(owner)].casefold()
        named = {account[name].casefold() for name in ("userName", "emails.work")} - {""}
        assert mine in named
        assert not any(
            email.casefold() in named for n, email in enumerate(emails) if str(n) != owner
        )
    assert len(owners) == len(set(owners))


@given(accounts, people, st.randoms(use_true_random=False))
def test_the_order_of_what_comes_means_nothing(
    found: list[dict[str, str]], emails: list[str], order: random.Random
) -> None:
    assert verdicts(found, emails) == verdicts(found, emails, order=order)


def test_the_external_id_that_we_gave_decides_whatever_the_name_has_become() -> None:
    told = verdicts([{"userName": "b@x", "externalId": "0"}], ["a@x", "b@x"])["a0"]
    assert (told.situation, told.owner) == (Situation.LINKED, "0")


def test_values_of_two_people_in_one_account_are_a_dispute() -> None:
    told = verdicts([{"userName": "a@x", "emails.work": "b@x"}], ["a@x", "b@x"])["a0"]
    assert told.situation is Situation.DISPUTED
    assert told.candidates == ("0", "1")


def test_a_second_account_of_somebody_is_never_tied_to_them() -> None:
    both = [{"userName": "a@x"}, {"userName": "admin", "emails.work": "A@X"}]
    told = verdicts(both, ["a@x"])
    assert told["a1"].owner == "0"  # By e-mail address, which comes before the name.
    assert told["a0"].situation is Situation.DISPUTED
    told = verdicts([{"emails.work": "a@x"}, {"emails.work": "A@x"}], ["a@x"])
    assert {one.situation for one in told.values()} == {Situation.DISPUTED}
    assert verdicts([{"userName": "a@x"}], ["a@x"], taken=frozenset("0"))["a0"].owner is None


def test_case_is_folded_rule_by_rule() -> None:
    exact = (MatchRule("userName", "email", fold=False),)
    assert verdicts([{"userName": "A@x"}], ["a@x"], exact)["a0"].situation is Situation.UNMATCHED
    assert verdicts([{"userName": "a@x"}], ["a@x"], exact)["a0"].owner == "0"


def test_rules_may_be_expressions_on_both_sides() -> None:
    rules = (MatchRule('account.userName.split("@")[0]', 'user.email.split("@")[0]'),)
    assert verdicts([{"userName": "A@elsewhere"}], ["a@x", ""], rules)["a0"].owner == "0"
    assert verdicts([{"title": "x"}], ["a@x"], rules)["a0"].situation is Situation.UNMATCHED


def test_a_rule_that_names_our_own_mark_is_certain() -> None:
    assert MatchRule("number", UID).certain
    assert not MatchRule("number", "employee_number").certain


def test_conditions_see_the_account() -> None:
    conditions = [
        compile_account_condition('account.userName.startsWith("svc-")'),
        compile_account_condition(
            'account["name.givenName"] == "Robot" && account.active == "true"'
        ),
    ]
    assert first_that_holds(conditions, seen({"userName": "svc-a"})) == conditions[0].source
    given = seen({"name.givenName": "Robot"}, active=True)
    assert first_that_holds(conditions, given) == conditions[1].source
    assert first_that_holds(conditions, seen({"name.givenName": "Robot"}, active=False)) is None
    assert first_that_holds(conditions, seen({})) is None
