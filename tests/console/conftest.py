"""A browser without a browser: Django's client, signed in or not, and a company to look at."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from tenure.signin.models import Role
from tenure.signin.services import issue_link
from tests.console.company import Sample, make_company


def signed_in(role: Role = Role.OWNER, **options: bool) -> Client:
    """A client that has come in by a link."""
    client = Client()
    client.post(issue_link(name=role.value, role=role))
    kept = client.cookies
    client = Client(**options)  # type: ignore[arg-type]
    client.cookies = kept
    return client


@pytest.fixture
def sample(db: None) -> Sample:
    return make_company(timezone.now())


@pytest.fixture
def owner(db: None) -> Client:
    return signed_in()
