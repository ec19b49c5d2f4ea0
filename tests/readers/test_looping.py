"""A reader's asynchronous inside, read from outside as any iterator."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tenure.connectors.base import RetryLater, StopApplication
from tenure.readers.base import ReaderBusy, ReaderError
from tenure.readers.looping import iterate, run


class _Pages:
    """Counts what is open."""

    def __init__(self, error: Exception | None = None) -> None:
        self.open = 0
        self.error = error

    async def pages(self) -> AsyncIterator[list[int]]:
        self.open += 1
        try:
            yield [1, 2]
            if self.error:
                raise self.error
            yield [3]
        finally:
            self.open -= 1


def test_pages_come_in_order_and_the_loop_ends() -> None:
    source = _Pages()
    assert list(iterate(source.pages)) == [[1, 2], [3]]
    assert source.open == 0


def test_a_reading_that_is_given_up_closes_what_it_opened() -> None:
    source = _Pages()
    reading = iterate(source.pages)
    assert next(reading) == [1, 2]
    assert source.open == 1
    reading.close()  # type: ignore[attr-defined]
    assert source.open == 0


def test_errors_are_those_of_readers() -> None:
    busy = _Pages(RetryLater("Too many requests.", after=7))
    with pytest.raises(ReaderBusy, match="Too many requests") as caught:
        list(iterate(busy.pages))
    assert caught.value.after == 7
    assert busy.open == 0

    async def refused() -> None:
        raise StopApplication("The key is wrong.")

    with pytest.raises(ReaderError, match="The key is wrong"):
        run(refused())
