"""Expressions: what they see, what they refuse, and that none of them can hurt the process."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenure.core import expression_scopes as scopes
from tenure.core import expression_tree as tree
from tenure.core.expression_sets import ConditionSet, ValueSet
from tenure.core.expressions import (
    AttributeType,
    ExpressionError,
    MissingAttribute,
    ValueExpression,
    compile_condition,
    compile_row_condition,
    compile_row_value,
    compile_value,
)

SCHEMA = {
    "department": AttributeType.STRING,
    "location": AttributeType.STRING,
    "given_name": AttributeType.STRING,
    "level": AttributeType.INTEGER,
    "rate": AttributeType.NUMBER,
    "remote": AttributeType.BOOLEAN,
    "start_date": AttributeType.DATE,
    "tags": AttributeType.STRINGS,
}
ANN = {
    "department": "Sales",
    "given_name": "Łucja",
    "level": 3,
    "rate": 2,
    "remote": False,
    "start_date": "2026-01-31",
    "tags": ["vpn", "staff"],
}


def holds(source: str, person: dict[str, object] = ANN) -> bool:
    return compile_condition(source, SCHEMA).holds(person)


def value(source: str, person: dict[str, object] = ANN) -> object:
    return compile_value(source, SCHEMA).value(person)


@pytest.mark.parametrize(
    "source",
    [
        'user.department == "Sales"',
        'user.department == "Sales" && user.level > 2',
        'user.location == "Berlin" || user.department == "Sales"',
        "has(user.department)",
        "!has(user.location)",
        "has( user\n . level )",
        "user.rate == 2.0",
        "!user.remote",
        '"vpn" in user.tags',
        'user.tags.exists(t, t.startsWith("st"))',
        'user.start_date < date("2026-02-01")',
        'user.start_date == date("2026-01-31")',
        '"has(user.nothing)" != user.department // has(user.nothing)',
        "r'\\d has(user.nothing)' != user.department && has(user.level)",
        "user.department.matches('^(S|T)')",
    ],
)
def test_conditions_that_hold(source: str) -> None:
    assert holds(source)


@pytest.mark.parametrize(
    "source",
    [
        'user.location == "Berlin"',
        'user.location != "Berlin"',
        '!(user.location == "Berlin")',
        'user.location == "Berlin" || user.department == "Legal"',
        "1 / (user.level - 3) == 1",
        'user.department.matches("(")',
        'date(user.department) == date("2026-01-31")',
        "has(user.location)",
    ],
)
def test_a_missing_attribute_or_an_error_never_holds(source: str) -> None:
    assert not holds(source)


@pytest.mark.parametrize("empty", [{}, {"location": ""}, {"location": None}])
def test_empty_is_missing(empty: dict[str, object]) -> None:
    assert not holds("has(user.location)", empty)
    assert not holds('user.location == ""', empty)
    with pytest.raises(MissingAttribute) as caught:
        value("user.location", empty)
    assert caught.value.name == "location"


@pytest.mark.parametrize(
    ("attribute", "wrong"),
    [
        ("level", "3"),
        ("level", True),
        ("level", 2**70),
        ("rate", "1"),
        ("remote", "false"),
        ("department", 7),
        ("department", "a\0b"),
        ("department", "\ud800"),
        ("department", "x" * 10_001),
        ("tags", "vpn"),
        ("tags", ["x"] * 1_001),
        ("start_date", "31.01.2026"),
    ],
)
def test_a_value_that_its_type_does_not_allow_is_an_error(attribute: str, wrong: object) -> None:
    person = {**ANN, attribute: wrong}
    with pytest.raises(ExpressionError):
        value(f"user.{attribute}", person)
    assert not holds(f"user.{attribute} == user.{attribute}", person)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("user.given_name", "Łucja"),
        ('lower(ascii(user.given_name)) + "." + user.department.lowerAscii()', "lucja.sales"),
        ("upper(user.given_name)", "ŁUCJA"),
        ('slug("Łódź & Co.")', "lodz-co"),
        ('user.department.replace("S", "T").substring(0, 2)', "Ta"),
        ('"a b".split(" ")', ["a", "b"]),
        ('user.tags.map(t, upper(t)).join("-")', "VPN-STAFF"),
        ("user.tags", ["vpn", "staff"]),
        ("user.level + 1", 4),
        ("user.rate", 2.0),
        ("user.remote", False),
        ("user.start_date", "2026-01-31"),
        ('user.start_date + duration("24h")', "2026-02-01"),
        ('has(user.location) ? user.location : "nowhere"', "nowhere"),
        ('""', None),
        ("[]", None),
        ('user.tags.filter(t, t == "x")', None),
        ("null", None),
    ],
)
def test_values(source: str, expected: object) -> None:
    assert value(source) == expected


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("user.departmnt", "user.departmnt: did you mean user.department? (line 1, column 6"),
        ("has(user.departmnt)", "user.departmnt: did you mean user.department?"),
        ('"é" + user.departmnt', "line 1, column 12"),
        ("1 +\n user.level +\n user.nothing_like", "line 3, column 7"),
        ("user", "'user' alone has no value"),
        ('user["department"]', "'user' alone has no value"),
        ("user.department == 3", "`==` does not work with text and a whole number"),
        ("user.level > 1.5", "Write 1.0 for a number"),
        ("user.department ==", "ends too early"),
        ("user.level = 3", "`=` cannot stand here: write =="),
        ("user.remote and true", "`and` cannot stand here: write &&"),
        ('user.department == "x', "is not closed"),
        ("nofunc(1)", "no name or function 'nofunc'"),
        ("user.department.lowerAsci()", "did you mean lowerAscii?"),
        ("", "empty"),
        ("  ", "empty"),
        ("1 + 1" + " " * 4_000, "at most 4000"),
        ("(" * 500 + "1" + ")" * 500, "nested too deeply"),
        ('{"a": 1}', "map"),
        ("[[1]]", "list"),
        ('b"x"', "bytes"),
    ],
)
def test_what_cannot_be_compiled_says_why(source: str, said: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_value(source, SCHEMA)
    assert said in str(caught.value)
    assert caught.value.expression == source


def test_a_condition_has_to_be_true_or_false() -> None:
    with pytest.raises(ExpressionError, match="A condition is true or false"):
        compile_condition("user.level", SCHEMA)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("1 / (user.level - 3)", "divide by zero"),
        ("user.department.substring(99)", "substring"),
        ('date("2026-02-30")', "'2026-02-30' is no date"),
        ("1.0 / 0.0", "no text, number"),
        ("[1, 2]", "list of int"),
    ],
)
def test_what_gives_no_value_says_why(source: str, said: str) -> None:
    if said == "list of int":
        with pytest.raises(ExpressionError):
            compile_value(source, SCHEMA)
        return
    with pytest.raises(ExpressionError) as caught:
        value(source)
    assert said in str(caught.value)
    assert not isinstance(caught.value, MissingAttribute)


def test_attributes_are_the_names_used_and_nothing_else() -> None:
    source = (
        'has(user.location) && user.tags.exists(user, user == "x") // user.level\n'
        '|| user.department == "user.rate"'
    )
    assert compile_condition(source, SCHEMA).attributes == {"location", "tags", "department"}


def test_an_attribute_name_that_cannot_be_written_is_refused() -> None:
    for name in ("in", "a-b", "", "ä", "1a"):
        with pytest.raises(ValueError, match="cannot be an attribute's name"):
            compile_value("1", {name: AttributeType.STRING})


def test_another_root() -> None:
    expression = compile_value("manager.given_name", SCHEMA, root="manager")
    assert expression.value({"given_name": "Bo"}) == "Bo"
    assert compile_condition("!has(manager.level)", SCHEMA, root="manager").holds({})


# Limits.

TEN = "[1,2,3,4,5,6,7,8,9,10]"


@pytest.mark.parametrize(
    "source",
    [
        'user.department.replace("a", "aaaaaaaaaa")' + '.replace("a", "aaaaaaaaaa")' * 15,
        '"".replace("", user.department)' + ".replace('', user.department)" * 5,
        'user.tags.map(a, user.tags.map(b, user.tags.map(c, a + b + c).join("")).join("")).join("")'
        '.split("").join(user.department).split("").join(user.department)',
        "[user.department]" + ".map(x, x + x)" * 25 + "[0]",
        "[user.tags]" + ".map(x, x + x)" * 25 + "[0]",
        TEN + (".map(a, " + TEN) * 9 + ")" * 9,
        "[1].all(x, " + TEN + (".all(a, " + TEN) * 9 + " == [])" + ")" * 9,
    ],
)
def test_what_could_grow_without_measure_is_refused(source: str) -> None:
    with pytest.raises(ExpressionError, match=r"grow without measure|nested too deeply"):
        compile_value(source, SCHEMA)


def test_the_worst_that_is_accepted_stays_small() -> None:
    """In a process of its own with 1 GiB of address space, at the very limits of its inputs."""
    program = """
        import resource
        from tenure.core.expressions import AttributeType, ExpressionError, compile_value
        schema = {"a": AttributeType.STRING, "b": AttributeType.STRING, "t": AttributeType.STRINGS}
        sources = [
            'user.a.replace("", user.b)',
            'user.a.split("")',
            'user.a.split("").join(user.b)',
            'user.t.map(x, x + x).map(x, x + x).join(user.a)',
            'user.t.map(x, user.t.map(y, x + y).join("")).join("")',
            'user.t.filter(x, user.t.exists(y, y == x))',
            'user.t.map(x, upper(ascii(x)))',
            '"%s %s".format([user.t, user.t])',
            '[user.t, user.t].map(x, x + x)[0]',
            'strings.quote(user.a) + user.a.reverse()',
        ]
        programs = [compile_value(source, schema) for source in sources]
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
        for expression in programs:
            limits = expression.program._inputs._limits
            text = "x" * limits.text
            try:
                expression.value({"a": text, "b": text, "t": [text] * limits.items})
            except ExpressionError as error:
                assert "longer than" in str(error) or "more than" in str(error), error
        print("alive")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "alive"), done.stderr


GROWING = st.recursive(
    st.sampled_from(["user.department", "user.given_name", '"ab"', '""']),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda p: f"({p[0]} + {p[1]})"),
        st.tuples(inner, inner, inner).map(lambda p: f"{p[0]}.replace({p[1]}, {p[2]})"),
        st.tuples(inner, inner, inner).map(lambda p: f"{p[0]}.split({p[1]}).join({p[2]})"),
        st.tuples(inner, inner).map(lambda p: f"{p[0]}.split({p[1]}).map(x, x + x)[0]"),
        inner.map(lambda s: f"strings.quote({s})"),
        inner.map(lambda s: f"upper({s}).lowerAscii()"),
        inner.map(lambda s: f'"%s-%s".format([{s}, 7])'),
        st.tuples(inner, inner).map(lambda p: f'({p[0]} == "x" ? {p[0]} : {p[1]})'),
        inner.map(lambda s: f'user.tags.map(t, t + {s}).filter(t, t != "").join(",")'),
    ),
    max_leaves=6,
)


@given(GROWING, st.text("ab", max_size=4), st.lists(st.text("ab", min_size=1), max_size=3))
@settings(max_examples=200, deadline=None)
def test_no_result_is_larger_than_was_computed(source: str, text: str, tags: list[str]) -> None:
    person = {"user.department": text, "user.given_name": text + "a", "user.tags": tags}
    # Straight to the engine: what is refused for its worst case is small here.
    expression = scopes.people(SCHEMA).compile(source, source)
    extents = {
        "user.department": tree.Extent(len(text)),
        "user.given_name": tree.Extent(len(text) + 1),
        "user.tags": tree.Extent(len(tags), tree.Extent(max(map(len, tags), default=0))),
    }
    extent, work = tree.work(tree.parse(expression.serialize()), extents)
    result = expression.eval(data=person)
    if result.type().name() == "STRING":
        assert len(result.plain_value()) <= extent.total
        # What was not made on the way came in, or stood in the source.
        assert extent.total <= work + len(source) + sum(e.total for e in extents.values())


# Many at once.

CONDITIONS = st.sampled_from(
    [
        'user.department == "Sales"',
        'user.location == "Berlin" // at home',
        'user.location == "Berlin" || user.level > 2',
        "!has(user.location)",
        "has(user.rate) && user.rate > 1.0",
        '"vpn" in user.tags',
        "10 / user.level > 2",
        'user.start_date < date("2026-02-01")',
        "date(user.department) == user.start_date",
        "user.remote",
        "true",
    ]
)
PEOPLE = st.fixed_dictionaries(
    {},
    optional={
        "department": st.sampled_from(["Sales", "Legal", "2026-01-31", "", "a\0b", 7]),
        "location": st.sampled_from(["Berlin", "Wien", ""]),
        "level": st.sampled_from([0, 1, 3, "3"]),
        "rate": st.sampled_from([1, 1.5]),
        "remote": st.booleans(),
        "start_date": st.sampled_from(["2026-01-31", "2027-01-01", "soon"]),
        "tags": st.lists(st.sampled_from(["vpn", "staff"])),
    },
)


@given(st.lists(CONDITIONS, max_size=8), st.lists(PEOPLE, min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_a_set_says_of_each_condition_what_it_says_alone(
    sources: list[str], people: list[dict[str, object]]
) -> None:
    conditions = {f"r{i}": compile_condition(s, SCHEMA) for i, s in enumerate(sources)}
    together = ConditionSet(conditions)
    for person in people * 6:
        alone = [name for name, condition in conditions.items() if condition.holds(person)]
        assert together.holding(person) == alone


VALUES = {
    "userName": 'lower(ascii(user.given_name)) + "." + lower(user.department)',
    "title": 'has(user.location) ? user.location : ""',
    "level": "user.level",
    "rate": "user.rate * 1.5",
    "active": "!user.remote",
    "since": "user.start_date",
    "groups": "user.tags // all of them",
    "source": '"HR"',
}


def test_a_set_gives_each_value_as_it_is_alone() -> None:
    expressions = {name: compile_value(s, SCHEMA) for name, s in VALUES.items()}
    together = ValueSet(expressions)
    alone = {n: v for n, e in expressions.items() if (v := e.value(ANN)) is not None}
    for _ in range(8):
        assert together.values(ANN) == alone
    assert "title" not in alone
    assert list(together.values(ANN)) == list(alone)


@pytest.mark.parametrize("times", [1, 10])
def test_a_set_names_the_target_of_what_is_missing_or_wrong(times: int) -> None:
    together = ValueSet({name: compile_value(s, SCHEMA) for name, s in VALUES.items()})
    for _ in range(times):
        together.values(ANN)
    with pytest.raises(MissingAttribute) as missing:
        together.values({k: v for k, v in ANN.items() if k != "rate"})
    assert (missing.value.target, missing.value.name) == ("rate", "rate")
    with pytest.raises(ExpressionError) as wrong:
        together.values({**ANN, "level": "three"})
    assert wrong.value.target == "level"
    assert together.values(ANN)["level"] == 3


def test_a_large_set_is_cut_into_portions() -> None:
    conditions = {
        f"r{i}": compile_condition(f'user.department != "{"x" * 900}{i}"', SCHEMA)
        for i in range(250)
    }
    together = ConditionSet(conditions)
    for _ in range(8):
        assert together.holding(ANN) == list(conditions)


def test_a_set_remembers_a_bounded_number_of_shapes() -> None:
    schema = {f"a{i}": AttributeType.STRING for i in range(10)}
    together = ConditionSet({n: compile_condition(f'user.{n} == "x"', schema) for n in schema})
    for bits in range(1024):
        person = {f"a{i}": "x" for i in range(10) if bits >> i & 1}
        assert together.holding(person) == list(person)
    assert len(together._together._plans) <= 256


def test_empty_sets_and_mixed_schemas() -> None:
    assert ConditionSet({}).holding(ANN) == []
    assert ValueSet({}).values(ANN) == {}
    other = compile_value("user.x", {"x": AttributeType.STRING})
    with pytest.raises(ValueError, match="same schema"):
        ValueSet({"a": compile_value("user.level", SCHEMA), "b": other})


# Rows.

ROW = {"row": {"Employee ID": "007", "Email": "", "First name": "Ann"}}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('row["Employee ID"]', "007"),
        ('lower(row["First name"]) + row.Email', "ann"),
        ("row.Email", None),
        ('has(row.Phone) ? row.Phone : "none"', "none"),
        ('"Phone" in row ? row["Phone"] : "none"', "none"),
        ('int(row["Employee ID"])', 7),
    ],
)
def test_rows(source: str, expected: object) -> None:
    expression = compile_row_value(source)
    assert expression.value(ROW) == expected
    together = ValueSet({"x": expression})
    for _ in range(6):
        assert together.values(ROW) == ({} if expected is None else {"x": expected})


@pytest.mark.parametrize("value", ["Anna", " a  b ", "", "a\0b", "x" * 20_000, 7, None])
def test_a_name_alone_says_what_the_engine_says_of_it(value: object) -> None:
    def said(expression: ValueExpression, given: dict[str, object]) -> list[object]:
        found: list[object] = []
        for ask in (expression.value, lambda of: ValueSet({"one": expression}).values(of)):
            try:
                found.append(ask(given))
            except ExpressionError as error:
                found.append(type(error))
        return found

    def compiled(source: str) -> ValueExpression:
        over_people = "user" in source
        return compile_value(source, SCHEMA) if over_people else compile_row_value(source)

    given = {"department": value, "row": {"title": value}}
    for bare in ("user.department", "row.title", 'row["title"]'):
        named, computed = compiled(bare), compiled(f'true ? {bare} : ""')
        assert named.program.text is not None
        assert computed.program.text is None
        assert said(named, given) == said(computed, given)


def test_the_columns_of_a_row_expression_are_known() -> None:
    expression = compile_row_value('has(row.A) ? row["B c"] : row.A + ("D" in row ? "d" : "")')
    assert expression.columns == {"A", "B c", "D"}
    assert expression.attributes == frozenset()


def test_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(ExpressionError, match="no column 'Emial': did you mean Email"):
        compile_row_value('row["Emial"]', ["Email", "Name"])
    with pytest.raises(MissingAttribute) as caught:
        compile_row_value('row["Phone"]').value(ROW)
    assert caught.value.name == "Phone"


@pytest.mark.parametrize(
    "source", ["row[row.A] == ''", "row.exists(k, k == 'a')", "size(row) == 0", "row == {}"]
)
def test_columns_are_only_named_by_texts(source: str) -> None:
    with pytest.raises(ExpressionError, match="named by a text"):
        compile_row_condition(source)


def test_a_row_condition() -> None:
    condition = compile_row_condition('row["Employee ID"].startsWith("0")')
    assert condition.holds(ROW)
    assert not condition.holds({"row": {}})


def test_threads_do_not_disturb_each_other() -> None:
    together = ValueSet({n: compile_value(s, SCHEMA) for n, s in VALUES.items()})
    wrong: list[object] = []

    def ask(number: int) -> None:
        for turn in range(300):
            person = {**ANN, "level": number, "department": f"D{number}"}
            if turn % 3 == 0:
                person["location"] = f"L{number}"
            found = together.values(person)
            if (found["level"], found["userName"]) != (number, f"lucja.d{number}"):
                wrong.append(found)
            if turn % 50 == 0 and not holds(f"user.level == {number}", person):
                wrong.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
