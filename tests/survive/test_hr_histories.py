"""Random histories of people who come from HR: by files that may be half or unreadable, by SCIM,
from two systems that both have somebody. Beside what all histories keep, nobody is let go by a
damaged file, nobody stays whom no system has, and a name has one owner.

Two are lived by `make test`, 22 more by `make histories`; `TENURE_HR_SEEDS=1-1000 pytest
tests/survive/test_hr_histories.py` lives a thousand.
"""

from __future__ import annotations

import os

import pytest

from tests.survive.test_histories import check, seeds

SEEDS = os.environ.get("TENURE_HR_SEEDS", "1-2")


@pytest.mark.filterwarnings("ignore:.*was deleted while still open:ResourceWarning")
@pytest.mark.parametrize("seed", seeds(SEEDS))
def test_whatever_comes_from_hr_it_comes_right(seed: int, transactional_db: None) -> None:
    check(seed, f"TENURE_HR_SEEDS={seed} pytest tests/survive/test_hr_histories.py", from_hr=True)
