"""Random histories against applications that fail in every way: in the end everybody has what they
should have, once; nobody who left has access; nothing is in limbo; and the audit tells it all.

`make test` lives one of each theme, `make histories` twenty-four more of each: 200 in all.
`TENURE_SEEDS=1-1000 pytest tests/survive/test_histories.py` lives a thousand.
"""

from __future__ import annotations

import gc
import os

import pytest

from tests.survive.history import run

SEEDS = os.environ.get("TENURE_SEEDS", "1-8")


def seeds(text: str) -> list[int]:
    """`7`, `1-200` or `3,9,20-30`."""
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


# A worker that is killed closes nothing, wherever it was; that is looked for at once.
@pytest.mark.filterwarnings("ignore:.*was deleted while still open:ResourceWarning")
@pytest.mark.parametrize("seed", seeds(SEEDS))
def test_whatever_happens_it_comes_right(seed: int, transactional_db: None) -> None:
    check(seed, f"TENURE_SEEDS={seed} pytest tests/survive/test_histories.py")


def check(seed: int, replay: str, *, from_hr: bool = False) -> None:
    """Live it, and fail with all that is wrong, what was lived, and how to live it again."""
    history = run(seed, from_hr=from_hr)
    gc.collect()
    told = "\n  ".join(history.world.told)
    assert not history.wrong, "\n".join(
        ["", f"Replay: {replay}", *history.wrong, f"It went so:\n  {told}"]
    )
