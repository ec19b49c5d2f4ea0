"""What a form says of people is an expression, and is read back from it; nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenure.core.expressions import AttributeType, compile_condition
from tenure.core.plain_conditions import (
    Clause,
    Plain,
    PlainProblem,
    Relation,
    read,
    relations_of,
    spoken,
    takes,
    write,
)

SCHEMA = {
    "department": AttributeType.STRING,
    "location": AttributeType.STRING,
    "groups": AttributeType.STRINGS,
    "remote": AttributeType.BOOLEAN,
    "start_date": AttributeType.DATE,
    "level": AttributeType.INTEGER,
    "share": AttributeType.NUMBER,
}
LABELS = {"department": "Department", "location": "Location"}
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1).filter(
    lambda text: text.strip() == text
)
VALUES = {
    AttributeType.DATE: st.dates().map(lambda day: f"{day:%Y-%m-%d}".rjust(10, "0")),
    AttributeType.INTEGER: st.integers(-(10**9), 10**9).map(str),
    AttributeType.NUMBER: st.integers(-999, 999).map(lambda n: f"{n}.5"),
}


@st.composite
def clauses(draw: st.DrawFn) -> Clause:
    name = draw(st.sampled_from(sorted(SCHEMA)))
    relation = draw(st.sampled_from(relations_of(SCHEMA[name])))
    values = VALUES.get(SCHEMA[name], TEXTS)
    count = {"none": 0, "one": 1, "many": draw(st.integers(1, 3))}[takes(relation)]
    return Clause(name, relation, tuple(draw(values) for _ in range(count)))


@given(st.lists(clauses(), max_size=3), st.booleans())
def test_what_a_form_writes_compiles_and_is_read_back(rows: list[Clause], either: bool) -> None:
    plain = Plain(tuple(rows), any=either and len(rows) > 1)
    source = write(plain, SCHEMA)
    compile_condition(source, SCHEMA)
    assert read(source, SCHEMA) == plain


@pytest.mark.parametrize(
    "source",
    [
        'user.department == "Sales" && (user.remote == true || user.level >= 3)',
        'user.department == "Sales" && user.remote == true || user.level >= 3',
        "user.remote",
        "user.department == user.location",
        'lower(user.department) == "sales"',
        'user.department == "Sales" &&',
        'user.nothing == "Sales"',
        'user.department == "Sa\\nles"',
        "user.level == 3 // three",
        "",
    ],
)
def test_what_a_form_cannot_say_is_left_alone(source: str) -> None:
    assert read(source, SCHEMA) is None


def test_it_is_said_in_words() -> None:
    plain = read('user.department == "Sales" && user.location in ["Berlin", "Wien"]', SCHEMA)
    assert plain is not None
    assert spoken(plain, LABELS) == "Department is Sales and Location is one of Berlin or Wien"
    assert spoken(Plain(), LABELS) == "Everybody"


@pytest.mark.parametrize(
    ("clause", "said"),
    [
        (Clause("", Relation.IS, ("x",)), "choose one from the list"),
        (Clause("department", Relation.BEFORE, ("x",)), "Choose one of: is, is not"),
        (Clause("department", Relation.IS, (" ",)), "Say what department is compared with"),
        (Clause("start_date", Relation.BEFORE, ("soon",)), "is no day"),
        (Clause("level", Relation.IS, ("many",)), "is no whole number"),
    ],
)
def test_a_row_that_is_not_whole_says_why(clause: Clause, said: str) -> None:
    with pytest.raises(PlainProblem, match=said) as caught:
        write(Plain((clause,)), SCHEMA)
    assert caught.value.clause == 0
