"""An installation of a test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import copy_home, remove_home
from tests.survive.installation import Installation


@pytest.fixture
def installed(begun: Path, request: pytest.FixtureRequest) -> Iterator[Installation]:
    """`request.param`: what it is made with, where that is not the usual."""
    home = copy_home(begun)
    installation = Installation(home, **getattr(request, "param", {}))
    yield installation
    installation.end()
    remove_home(home)
