"""Two people found to be one: every account is accounted for, and none is given up unseen."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tenure.core.unions import Fate, Held, fates

pairs = st.lists(
    st.tuples(st.sampled_from(["chat", "mail", "crm"]), st.booleans()), unique=True, max_size=6
)


@given(pairs, st.frozensets(st.sampled_from(["chat", "mail", "crm", "none"])))
def test_one_account_of_each_application_goes_on(
    pairs: list[tuple[str, bool]], take: frozenset[str]
) -> None:
    held = [Held(number, slug, other) for number, (slug, other) in enumerate(pairs)]
    found = fates(held, take)
    assert found.keys() == {one.account for one in held}
    goes_on = Counter(h.application for h in held if found[h.account] is not Fate.UNDECIDED)
    assert goes_on == Counter(dict.fromkeys({h.application for h in held}, 1))
    for one in held:
        both = sum(h.application == one.application for h in held) == 2
        if not both:
            assert found[one.account] is (Fate.MOVES if one.other else Fate.STAYS)
        elif one.other is (one.application in take):
            assert found[one.account] is not Fate.UNDECIDED
