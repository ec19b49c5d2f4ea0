"""A company for each test; drains have threads, so tests commit for real."""

from __future__ import annotations

import pytest

from tests.provisioning.company import Company


@pytest.fixture
def company(transactional_db: None) -> Company:
    return Company()


@pytest.fixture
def sales(company: Company) -> Company:
    """Everybody in Sales has Chat, in the groups all and sales; everybody else only `all`."""
    company.application("chat", groups=["all", "sales"])
    company.rule("everyone", "has(user.department)", {"chat": ["group:all"]})
    company.rule("sales", 'user.department == "Sales"', {"chat": ["group:sales"]})
    return company
