"""Python looks for circles less often while much is under way, and as before afterwards."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from tenure.infra import circles


class Node:
    """Something that may refer to itself."""

    me: Node


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(50_000, 20, 50)
    yield
    gc.set_threshold(*before)


def looks(make: int) -> int:
    """How often Python looks through what is new while so many objects are made that stay."""
    counted = []

    def count(phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            counted.append(phase)

    gc.callbacks.append(count)
    try:
        kept = [[] for _ in range(make)]
    finally:
        gc.callbacks.remove(count)
    assert len(kept) == make
    return len(counted)


def test_what_many_objects_make_is_not_looked_through_meanwhile() -> None:
    assert looks(300_000) >= 5
    with circles.with_many():
        assert looks(300_000) == 0
    assert looks(300_000) >= 5


def test_it_is_as_before_when_the_last_of_several_is_done_however_that_ends() -> None:
    first, second = circles.with_many(), circles.with_many()
    first.__enter__()
    second.__enter__()
    raised = gc.get_threshold()
    assert raised[0] > 50_000
    first.__exit__(None, None, None)
    assert gc.get_threshold() == raised
    error = ZeroDivisionError()
    assert not second.__exit__(type(error), error, None)
    assert gc.get_threshold() == (50_000, 20, 50)


def test_circles_do_not_pile_up_without_end() -> None:
    node = Node()
    node.me = node
    seen = weakref.ref(node)
    del node
    with circles.with_many():
        kept = []
        while seen() is not None and len(kept) < 2_000_000:
            kept.append([])
    assert seen() is None
