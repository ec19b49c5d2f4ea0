"""Every source of people in the catalogue is whole and right, and what it proposes is a
configuration that would be taken."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tenure.catalogue import filling
from tenure.catalogue.index import Listed, listed, listed_sources
from tenure.catalogue.loading import ENTRIES, SOURCES, UnknownEntry, read_source, source
from tenure.catalogue.search import search
from tenure.catalogue.source_entry import SourceEntry
from tenure.configuration.checking import check
from tenure.configuration.proposing_sources import prepare_source, source_block
from tenure.configuration.reading import read_text
from tenure.connectors.oauth import OAuthSettings
from tenure.console.look import monogram
from tenure.infra.clock import now
from tenure.readers.registry import schemas

ALL = {path.stem: read_source(path) for path in sorted(SOURCES.glob("*.yaml"))}
TODAY = now().date()
_LINK = re.compile(r"\[[^\]]*\]\(([^)]*)\)")


@pytest.mark.parametrize("slug", ALL)
def test_it_names_its_pages_and_how_it_was_checked(slug: str) -> None:
    one = ALL[slug]
    assert all(page.read <= TODAY for page in one.sources)
    assert one.checked.on >= max(page.read for page in one.sources)
    steps = one.instructions
    for text in (*steps.connect, *steps.webhooks, *steps.write_back):
        assert text.text[-1] in ".?:", text.text
    if {page.by for page in one.sources} <= {"third party"}:
        assert one.not_confirmed, "what rests on third parties only is not confirmed"
    assert bool(steps.webhooks) == ("webhooks" in one.can)
    for text_ in _texts(one):
        assert text_.count("**") % 2 == 0, text_
        assert text_.count("`") % 2 == 0, text_
        assert all(link.startswith("https://") for link in _LINK.findall(text_)), text_
    shown = monogram(one.name, slug, one.colour)
    assert (shown.fill, shown.ink) == (one.colour, "#ffffff"), "too light for white letters"


@pytest.mark.parametrize("slug", ALL)
def test_what_it_can_is_what_its_reader_is_told(slug: str) -> None:
    one = ALL[slug]
    spec = one.reader.spec
    if spec:
        people = spec["people"]
        assert ("delta" in one.can) == ("changes" in people)
        assert ("write_back" in one.can) == ("write" in people)
        # Where nothing is signed a secret of ours does it, without a specification.
        assert ("webhook" in spec) <= ("webhooks" in one.can)
    told = {"spec": filling.specification(one)} if spec else {}
    settings = {**told, **filling.source_settings(one, filling.examples(one))}
    for_settings, for_secrets = schemas(one.reader.kind, settings)
    for_settings.model_validate(settings)
    wanted = {name for name, info in for_secrets.model_fields.items() if info.is_required()}
    given = {secret.name for secret in one.secrets} - one.oauth_places
    references = filling.secret_references(one, slug)
    if said := filling.oauth(one, filling.examples(one), references):
        OAuthSettings.model_validate(said)
        wanted -= {"token"}
        # Whoever is asked to agree is told what for; and what was answered is found again.
        assert set(said.get("scopes", ())) <= one.authentication.explained.keys()
        told = filling.told(one, filling.source_settings(one, filling.examples(one)), said)
        assert told == {**filling.examples(one), **references}
    assert wanted <= given <= set(for_secrets.model_fields)


@pytest.mark.parametrize("slug", ALL)
def test_its_block_is_a_right_configuration(slug: str) -> None:
    """Expressions compile, columns are there, settings are right: `config check` says so."""
    text = source_block(*prepare_source(ALL[slug], answers=filling.examples(ALL[slug])))
    loaded = read_text(text, name=f"{slug}.yaml")
    assert check(loaded.document, marks=loaded.marks).problems == ()
    made = (loaded.document.sources or {})[slug]
    assert made.catalogue == slug
    assert "spec" not in made.settings
    assert source_block(slug, made) == text


def test_the_index_is_what_the_entries_say_and_no_slug_is_an_applications() -> None:
    rows = {row.slug: row for row in listed_sources()}
    assert rows == {slug: Listed.of(one) for slug, one in ALL.items()}
    assert not set(rows) & {path.stem for path in ENTRIES.glob("*.yaml")}
    assert source("personio") is source("personio")
    for wrong in ("personoi", "../entries/gitlab", "gitlab"):
        with pytest.raises(UnknownEntry):
            source(wrong)


def test_they_are_found() -> None:
    both = [*listed(), *listed_sources()]
    assert search("bob", rows=both)[0].slug == "hibob"
    assert search("odoo", rows=listed_sources())[0].slug == "odoo-hr"
    found = {row.slug for row in search("", can=["webhooks"], rows=both)}
    assert {"bamboohr", "hibob", "frappe-hr"} <= found
    assert {row.kind for row in search("", category="hr", rows=both)} == {"source"}
    assert {"frappe-hr", "odoo-hr", "orangehrm"} <= {
        row.slug for row in search("", can=["self-hosted"], rows=listed_sources())
    }


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sources": []}, "sources"),
        ({"instructions": {}}, "connect"),
        ({"can": []}, "can"),
        ({"can": ["full"], "offers": ["full"]}, "in `can` and in `offers`"),
        ({"mapping": {"given_name": 'row["A"]'}}, "employee_number"),
        ({"mapping": {"employee_number": 'row["A"]'}}, "`statuses` mean nothing"),
        ({"leavers": "No full stop"}, "not a sentence"),
        ({"kind": "application"}, "kind"),
        ({"reader": {"kind": "rest", "settings": {"a": "{nothing}"}}}, "{nothing} stands for"),
        ({"slug": "other"}, "Name both alike"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_an_entry_that_is_not_whole_is_refused(
    change: dict[str, Any], said: str, tmp_path: Path
) -> None:
    yaml = YAML(typ="safe", pure=True)
    raw = yaml.load((SOURCES / "personio.yaml").read_text(encoding="utf-8"))
    with (tmp_path / "personio.yaml").open("w", encoding="utf-8") as file:
        yaml.dump({**raw, **change}, file)
    with pytest.raises(ValueError, match=re.escape(said)):
        read_source(tmp_path / "personio.yaml")


def _texts(one: SourceEntry) -> list[str]:
    steps = one.instructions
    return [
        *(step.text for step in (*steps.connect, *steps.webhooks, *steps.write_back)),
        *one.traps,
        *one.confirmed,
        *one.not_confirmed,
        one.summary,
        one.interface,
        one.leavers,
        one.joiners,
    ]
