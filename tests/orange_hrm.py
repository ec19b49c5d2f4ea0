"""OrangeHRM as the catalogue's entry asks it: its OAuth server, and behind it the answers of its
interface that stand beside its other tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.oauth_server import OAuthServer, oauth_server
from tests.readers.rest.test_vendors import vendor


@contextmanager
def orange_hrm() -> Iterator[OAuthServer]:
    """One with two people, who agrees at once. It gives no scopes, as it knows none."""
    with oauth_server(under="/web/index.php/oauth2", api="/web/index.php/api/v2") as server:
        server.granted = ""
        for exchange in vendor("orangehrm")["full"]["exchanges"]:
            server.answers[exchange["ask"].removeprefix("GET ")] = exchange["answer"]["json"]
        yield server
