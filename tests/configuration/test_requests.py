"""What a document says of asking for an application: short, long, wrong, and there and back."""

from __future__ import annotations

import pytest

from tenure.configuration import applying, exporting, translation
from tenure.configuration.checking import check
from tenure.configuration.document import Document
from tenure.configuration.document_requests import Requestable, requestable_of
from tenure.configuration.problems import ConfigurationError
from tenure.configuration.reading import read_text

TEXT = """\
applications:
  tracker:
    name: Tracker
    connector: memory
    settings: {{name: tracker}}
    owner: it@acme.example
    entitlements: [role:editor]
    requestable: {}
"""


def read(value: str) -> Document:
    return read_text(TEXT.format(value), name="tenure.yaml").document


def asked(value: str) -> Requestable | None:
    document = read(value)
    assert document.applications is not None
    return document.applications["tracker"].requestable


def test_short_and_long() -> None:
    assert asked("true") == Requestable()
    assert asked("false") is None
    given = asked("{approver: named, named: ['7'], longest: P30D, entitlements: [role:editor]}")
    assert given is not None
    assert (given.named, given.longest.days) == (["7"], 30)


@pytest.mark.parametrize(
    ("value", "path", "said"),
    [
        ("{approver: named}", "", "needs the employee numbers"),
        ("{named: ['7']}", "", "needs `approver: named`"),
        ("{approver: boss}", "", "manager"),
        ("{longest: PT30M}", "", "shorter than an hour"),
        ("{when: user.nothing}", "requestable.when", "nothing"),
        ("{entitlements: [role:editer]}", "requestable.entitlements[0]", "Did you mean"),
    ],
)
def test_what_is_wrong_is_told_at_its_place(value: str, path: str, said: str) -> None:
    try:
        problems = check(read(value)).problems
    except ConfigurationError as error:
        problems = tuple(error.problems)
    assert path in problems[0].path
    assert said in problems[0].message


def test_an_owner_who_decides_is_there() -> None:
    text = TEXT.replace("    owner: it@acme.example\n", "").format("{approver: owner}")
    (problem,) = check(read_text(text, name="tenure.yaml").document).problems
    assert "has no owner who could decide" in problem.message


@pytest.mark.django_db
def test_there_and_back() -> None:
    for value in ("true", "{approver: owner, longest: P30D, when: 'user.title == \"x\"'}", "false"):
        document = read(value)
        applying.apply(document)
        stored = translation.stored()
        assert stored.applications is not None
        assert stored.applications["tracker"].requestable == asked(value)
        assert applying.diff(read_text(exporting.export(), name="again").document) == []
    assert requestable_of({}) is None
