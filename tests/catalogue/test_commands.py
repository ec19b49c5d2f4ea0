"""From the catalogue to an application, by the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenure.applications.connecting import connector_for
from tenure.applications.models import Application
from tenure.configuration.checking import check
from tenure.configuration.reading import read, read_text
from tenure.people.models import AttributeDefinition
from tests.cli.conftest import Tenure, anywhere, tenure

__all__ = ["anywhere", "tenure"]
ADD = ("application", "add", "gitlab", "--set", "host=git.acme.example")


def test_search_and_show(anywhere: Tenure) -> None:
    assert [row["slug"] for row in anywhere("catalogue", "search", "slcak", "--json").document] == [
        "slack"
    ]
    assert "Slack" in anywhere("catalogue", "search", "slack").out
    assert anywhere("catalogue", "search", "--can", "fly").code == 1
    assert "development" in anywhere("catalogue", "search", "--category", "games").err
    page = anywhere("catalogue", "show", "gitlab").out
    assert "## Single sign-on" in page
    assert "Tenure's side" in page
    document = anywhere("catalogue", "show", "gitlab", "--json").document
    assert document["sources"][0]["read"]
    assert "Did you mean slack" in anywhere("catalogue", "show", "slackk").err
    assert anywhere("catalogue", "schema").document["properties"]["sources"]


def test_the_block_is_a_right_configuration(anywhere: Tenure, tmp_path: Path) -> None:
    ended = anywhere(*ADD, "--name", "Our GitLab", "--as", "code", "--secret", "token=${file:/t}")
    assert ended.code == 0
    loaded = read_text(ended.out)
    assert check(loaded.document).problems == ()
    application = (loaded.document.applications or {})["code"]
    assert application.name == "Our GitLab"
    assert application.mode == "report"
    assert application.secrets == {"token": "${file:/t}"}
    assert application.settings["base_url"] == "https://git.acme.example/api/scim/v2/application"
    file = tmp_path / "gitlab.yaml"
    assert anywhere(*ADD, "--output", file).code == 0
    assert set(read(file).document.applications or ()) == {"gitlab"}
    assert "not written over" in anywhere(*ADD, "--output", file).err


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--set", "host=https://x/"), "does not have the right form"),
        (("--set", "hots=x"), "no such setting"),
        (("--set", "host"), "NAME=VALUE"),
        (("--secret", "token=glsoat-secret"), "never written here"),
        (("--secret", "key=${env:A}"), "no such secret"),
        (("--as", "Our GitLab"), "lower-case"),
    ],
)
def test_what_is_wrong_is_said(more: tuple[str, ...], said: str, anywhere: Tenure) -> None:
    ended = anywhere(*ADD, *more)
    assert ended.code == 1
    assert said in ended.err
    assert "glsoat" not in ended.err + ended.out


def test_a_missing_setting_and_an_entry_by_hand(anywhere: Tenure) -> None:
    assert "Host of your GitLab is missing" in anywhere("application", "add", "gitlab").err
    by_hand = anywhere("application", "add", "circleci")
    assert by_hand.code == 0
    assert "connector: manual" in by_hand.out
    assert "userName: user.email" in by_hand.out


def test_an_entry_by_specification_leaves_it_to_the_catalogue(
    transactional_db: None, tenure: Tenure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a specification which is mended here is mended everywhere."""
    monkeypatch.setenv("GITEA_TOKEN", "0123")
    words = ("--set", "url=https://git.acme.example", "--set", "organisation=acme")
    ended = tenure("application", "add", "gitea", *words, "--apply")
    assert ended.code == 0
    assert "spec" not in ended.out
    row = Application.objects.get()
    assert "spec" not in row.settings
    connector = connector_for(row)
    assert connector.capabilities.create
    assert connector.capabilities.entitlements == {"group"}


def test_an_attribute_that_people_need_for_it_comes_with_it(
    transactional_db: None, tenure: Tenure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ORGANIZATION_TOKEN", "0123")
    words = ("application", "add", "github-organization", "--set", "organization=acme")
    assert "github:" in tenure(*words).out
    assert tenure(*words, "--apply").code == 0
    assert AttributeDefinition.objects.get(name="github").label == "GitHub name"
    AttributeDefinition.objects.update(label="Handle")
    assert tenure(*words, "--as", "second", "--apply").code == 0
    assert AttributeDefinition.objects.get(name="github").label == "Handle"
    connector = connector_for(Application.objects.get(slug="github-organization"))
    assert not connector.capabilities.disable


def test_apply_adds_it_beside_the_others(transactional_db: None, tenure: Tenure) -> None:
    assert tenure(*ADD, "--apply").code == 0
    ended = tenure(*ADD, "--apply", "--as", "code", "--name", "Code", "--json")
    assert ended.document["slug"] == "code"
    assert ended.document["changes"]
    made = {row.slug: row for row in Application.objects.all()}
    assert set(made) == {"gitlab", "code"}
    assert (made["code"].mode, made["code"].catalogue_entry) == ("report", "gitlab")
    again = tenure(*ADD, "--apply")
    assert again.code == 1
    assert "already" in again.err
