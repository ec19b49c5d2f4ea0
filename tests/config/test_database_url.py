"""DATABASE_URL in every form that libpq knows, and what is said about the others."""

from __future__ import annotations

import pytest

from tenure.config.database_url import parse_database_url

EMPTY = {
    "ENGINE": "django.db.backends.postgresql",
    "NAME": "db",
    "USER": "",
    "PASSWORD": "",
    "HOST": "",
    "PORT": "",
    "OPTIONS": {},
}


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("postgresql:///db", {}),
        ("postgres://h/db", {"HOST": "h"}),
        ("postgresql://u@h:5433/db", {"USER": "u", "HOST": "h", "PORT": "5433"}),
        ("postgresql://u:p%40%2F%3A@h/db", {"USER": "u", "PASSWORD": "p@/:", "HOST": "h"}),
        ("postgresql://[::1]:5433/db", {"HOST": "::1", "PORT": "5433"}),
        (
            "postgresql://u@/db?host=/run/my%20pg&port=1",
            {"USER": "u", "HOST": "/run/my pg", "PORT": "1"},
        ),
        ("postgresql://%2Frun%2Fpg/db", {"HOST": "/run/pg"}),
        (
            "postgresql://h/db?sslmode=verify-full",
            {"HOST": "h", "OPTIONS": {"sslmode": "verify-full"}},
        ),
        ("postgresql://h?dbname=db&user=u&password=p", {"HOST": "h", "USER": "u", "PASSWORD": "p"}),
        ("postgresql://h/d%C3%A9", {"HOST": "h", "NAME": "dé"}),
    ],
)
def test_it_is_read_as_libpq_reads_it(url: str, parts: dict[str, object]) -> None:
    assert parse_database_url(url) == {**EMPTY, **parts}


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://h/db", "begins with mysql://"),
        ("h/db", "begins with nothing"),
        ("postgresql://h", "names no database"),
        ("postgresql://h:port/db", "port that is no number"),
        ("postgresql://h/db?sslmode", "after the question mark"),
    ],
)
def test_what_is_wrong_is_said(url: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        parse_database_url(url)
    assert "Expected postgresql://" in str(caught.value)
