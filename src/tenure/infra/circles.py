"""How often Python looks for circles: objects that only refer to each other. It must not know who
makes the objects."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

#: So many objects more than before, and Python looks through those that are new.
_USUALLY, _WITH_MANY = 50_000, 500_000
#: So many times it looks through what is new until it looks through what stayed.
_STAYED, _LONG = 20, 50

_counting = threading.Lock()
_under_way = 0
_before: tuple[int, int, int] = gc.get_threshold()


def look_seldom() -> None:
    """Python looks for circles whenever 700 more objects were made. Imports, plans and drains make
    millions, and hardly a circle: a third of their time went there. What is loaded by now stays for
    good, and is never looked through again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_USUALLY, _STAYED, _LONG)


@contextmanager
def with_many() -> Iterator[None]:
    """What makes a hundred thousand objects that are all let go again within seconds, and no
    circles: to look through them while they are needed would be a tenth of the work. The circles of
    others wait meanwhile, until there are half a million objects in them."""
    global _under_way, _before  # One threshold for the process, which several ask for.
    with _counting:
        if not _under_way:
            _before = gc.get_threshold()
            gc.set_threshold(_WITH_MANY, _STAYED, _LONG)
        _under_way += 1
    try:
        yield
    finally:
        with _counting:
            _under_way -= 1
            if not _under_way:
                gc.set_threshold(*_before)
