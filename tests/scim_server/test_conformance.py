"""scim2-tester, which nobody here wrote, against the real thing over HTTP."""

from __future__ import annotations

from datetime import timedelta

import pytest
from httpx2 import Client
from pytest_django.live_server_helper import LiveServer
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server
from scim2_tester.utils import ResourceManager

from tenure.scim_server.tokens import issue
from tests.scim_server.conftest import source


@pytest.mark.django_db(transaction=True)
def test_nothing_fails_and_nothing_is_skipped(
    live_server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean = ResourceManager.cleanup

    def once(self: ResourceManager) -> None:
        """What a check has made is deleted after it, and not after each of the others again."""
        clean(self)
        self.resources.clear()

    monkeypatch.setattr(ResourceManager, "cleanup", once)
    mapping = {"employee_number": 'row["userName"]', "display_name": 'row["userName"]'}
    source(mapping=mapping)
    token = issue("entra", name="tester", valid=timedelta(days=1))
    with Client(
        base_url=f"{live_server.url}/scim/v2",
        headers={"Authorization": f"Bearer {token}"},
        # The first request makes all models, which takes as long as the machine is busy.
        timeout=60,
    ) as client:
        results = check_server(SyncSCIMClient(client))
    bad = [
        f"{item.status.name} {item.title}: {item.reason}"
        for item in results
        if item.status not in {Status.SUCCESS, Status.COMPLIANT}
    ]
    assert len(results) > 50
    assert not bad, "\n".join(bad)
