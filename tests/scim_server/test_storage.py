"""The library's own contract for storages, on ours."""

from __future__ import annotations

import pytest
from django.db import transaction
from scim2_models import ScimProvider
from scim2_server.testing import ScimStorageContract

from tenure.infra.clock import now
from tenure.scim_server.protocol import Service, service
from tenure.scim_server.storage import PushedStorage
from tenure.sources.pushing import Push
from tests.scim_server.conftest import source

pytestmark = pytest.mark.django_db


class TestPushedStorage(ScimStorageContract):
    @pytest.fixture
    def ours(self, db: None) -> Service:
        return service()

    @pytest.fixture
    def provider(self, ours: Service) -> ScimProvider:
        return ours.provider

    @pytest.fixture
    def storage(self, ours: Service) -> PushedStorage:
        mapping = {"employee_number": 'row["userName"]', "display_name": 'row["userName"]'}
        with transaction.atomic():
            return PushedStorage(ours, Push(source(mapping=mapping), now()))
