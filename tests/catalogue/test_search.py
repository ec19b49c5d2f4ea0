"""Finding an entry: the best first, and what somebody meant although they mistyped it."""

from __future__ import annotations

import pytest

from tenure.catalogue.loading import UnknownEntry, entry
from tenure.catalogue.search import search


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("slack", "slack"),
        ("SLA", "slack"),
        ("slcak", "slack"),
        ("gitlba", "gitlab"),
        ("figjam", "figma"),
        ("GitLab self-managed", "gitlab"),
        ("forgejo", "gitea"),
    ],
)
def test_names_other_names_and_slips(text: str, first: str) -> None:
    assert search(text)[0].slug == first


def test_words_categories_and_filters_narrow_it_down() -> None:
    assert {row.slug for row in search("dashboards")} >= {"metabase"}
    # As people say it, and as the how-to does.
    assert {row.slug for row in search("version control")} >= {"gitea", "github-organization"}
    assert {row.slug for row in search("help desk")} >= {"zendesk", "freshdesk"}
    assert {row.slug for row in search("password manager")} >= {"1password", "passbolt"}
    assert {row.slug for row in search("software development")} >= {"gitea", "gitlab"}
    assert all(row.automatic for row in search(can=["automatic"]))
    found = search(category="development", can=["self-hosted", "automatic"])
    assert "gitlab" in {row.slug for row in found}
    assert "jenkins" not in {row.slug for row in found}
    assert search("nothing is called like this") == []
    names = [row.name.casefold() for row in search()]
    assert names == sorted(names)


def test_an_entry_that_there_is_not_names_those_that_are_like_it() -> None:
    with pytest.raises(UnknownEntry, match="Did you mean slack"):
        entry("slackk")
    with pytest.raises(UnknownEntry, match=r"no '\.\./entry'"):
        entry("../entry")
