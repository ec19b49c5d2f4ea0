"""From the catalogue to a source of people, by the command line, and a look at its rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenure.configuration.checking import check
from tenure.configuration.reading import read, read_text
from tenure.sources.models import Source
from tests.cli.conftest import Tenure, anywhere, tenure

__all__ = ["anywhere", "tenure"]
ADD = ("source", "add", "bamboohr", "--set", "company=acme")


def test_they_are_found_and_shown(anywhere: Tenure) -> None:
    found = anywhere("catalogue", "search", "personio", "--kind", "source", "--json").document
    assert [(row["slug"], row["kind"]) for row in found] == [("personio", "source")]
    assert anywhere("catalogue", "search", "personio", "--kind", "application").out == ""
    assert "There is application and source" in anywhere("catalogue", "search", "--kind", "x").err
    assert "Workday" in anywhere("catalogue", "search", "--category", "hr").out
    page = anywhere("catalogue", "show", "hibob").out
    assert "## Connect it" in page
    assert "showInactive" not in page
    assert anywhere("catalogue", "show", "hibob", "--json").document["kind"] == "source"
    assert "leavers" in anywhere("catalogue", "schema", "--source").document["properties"]
    assert "people" in anywhere("source", "schema").document["properties"]


def test_the_block_is_a_right_configuration(anywhere: Tenure, tmp_path: Path) -> None:
    ended = anywhere(*ADD, "--as", "hr", "--name", "HR", "--secret", "api_key=${file:/k}")
    assert ended.code == 0, ended.err
    loaded = read_text(ended.out)
    assert check(loaded.document).problems == ()
    source = (loaded.document.sources or {})["hr"]
    assert (source.name, source.reader, source.catalogue) == ("HR", "rest", "bamboohr")
    assert source.settings == {"company": "acme"}
    assert source.secrets == {"api_key": "${file:/k}"}, "what it works without is left out"
    own = tmp_path / "own.pem"
    own.touch()
    directory = ["url=ldaps://dc.acme.example", "bind_dn=t@acme.example", "people_dn=OU=S,DC=a"]
    besides = [f"ca_file={own}", "page_size=100", "timeouts={connect: 9}"]
    words = [word for one in (*directory, *besides) for word in ("--set", one)]
    made = anywhere("source", "add", "active-directory-people", "--as", "ad", *words).out
    settings = (read_text(made).document.sources or {})["ad"].settings
    assert settings["ca_file"] == str(own), "what its reader has and the entry not"
    assert (settings["page_size"], settings["timeouts"]) == (100, {"connect": 9})
    file = tmp_path / "hr.yaml"
    assert anywhere(*ADD, "--output", file).code == 0
    assert set(read(file).document.sources or ()) == {"bamboohr"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("bamboohr",), "Company domain is missing"),
        (("bamboohr", "--set", "company=a b"), "does not have the right form"),
        (("bamboohr", "--set", "company=a", "--secret", "api_key=abc"), "never written here"),
        (("openldap-people", "--set", "ca_fil=/x"), "no such setting"),
        (("openldap-people", "--set", "timeouts=["), "is no value"),
        (("bambohr",), "Did you mean bamboohr"),
        (("gitlab",), "The catalogue has no 'gitlab'"),
    ],
)
def test_what_is_wrong_is_said(words: tuple[str, ...], said: str, anywhere: Tenure) -> None:
    ended = anywhere("source", "add", *words)
    assert ended.code == 1
    assert said in ended.err
    assert ended.out == ""


def test_it_is_applied_once_and_a_file_is_previewed(
    transactional_db: None, tenure: Tenure, tmp_path: Path
) -> None:
    ended = tenure(*ADD, "--apply", "--json")
    assert ended.document["changes"]
    row = Source.objects.get()
    assert (row.catalogue_entry, row.settings) == ("bamboohr", {"company": "acme"})
    assert "already" in tenure(*ADD, "--apply").err
    exported = tenure("config", "export").out
    assert "catalogue: bamboohr" in exported
    assert "BAMBOOHR_API_KEY is not set" in tenure("source", "preview", "bamboohr").err

    people = tmp_path / "people.csv"
    people.write_text("No,Name,Status\n1,Ada Byron,Active\n2,Bob Ross,?\n", encoding="utf-8")
    Source.objects.create(
        slug="file",
        name="File",
        reader="csv",
        settings={"path": str(people)},
        mapping={
            "employee_number": 'row["No"]',
            "display_name": 'row["Name"]',
            "status": 'row["Status"]',
        },
    )
    first, second = tenure("source", "preview", "file", "--json").document
    assert first["row"]["Name"] == first["attributes"]["display_name"] == "Ada Byron"
    assert first["state"] == "active"
    assert "means nothing here" in second["problem"]
    shown = tenure("source", "preview", "file", "--limit", "1").out
    assert "Ada Byron" in shown
    assert "Bob" not in shown
    people.write_text("No,Name\n1,Ada\n", encoding="utf-8")
    assert "lacks the column 'Status'" in tenure("source", "preview", "file").err
