"""An installation of a test's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import make_home, remove_home
from tests.survive.installation import Installation


@pytest.fixture
def installed(request: pytest.FixtureRequest) -> Iterator[Installation]:
    """`request.param`: what it is made with, where that is not the usual."""
    home = make_home()
    installation = Installation(home, **getattr(request, "param", {}))
    yield installation
    installation.end()
    remove_home(home)
