"""Every entry is whole and right: it names its sources, and what it proposes is a configuration
that would be taken."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tenure.catalogue import filling
from tenure.catalogue.entry import CATEGORIES, Entry, Step
from tenure.catalogue.index import Listed, listed
from tenure.catalogue.loading import ENTRIES, entry, read
from tenure.configuration.checking import check
from tenure.configuration.proposing import block, prepare
from tenure.configuration.reading import read_text
from tenure.connectors.oauth import OAuthSettings
from tenure.connectors.registry import TOKEN, kinds, schemas
from tenure.console.look import monogram
from tenure.infra.clock import now
from tools.integrations import made

FILES = sorted(ENTRIES.glob("*.yaml"))
ALL = {path.stem: read(path) for path in FILES}
AUTOMATIC = [slug for slug, one in ALL.items() if one.automatic]
TODAY = now().date()
EXAMPLES = Path(__file__).parents[2] / "examples" / "connectors"
_LINK = re.compile(r"\[[^\]]*\]\(([^)]*)\)")


@pytest.mark.parametrize("slug", ALL)
def test_it_names_sources_instructions_and_a_check(slug: str) -> None:
    one = ALL[slug]
    assert one.sources
    assert all(source.read <= TODAY for source in one.sources)
    assert one.checked.on >= max(source.read for source in one.sources)
    for steps in (
        one.instructions.general,
        one.instructions.single_sign_on,
        one.instructions.provisioning,
    ):
        assert steps
        assert all(step.text[-1] in ".?:" for step in steps), [s.text for s in steps]
    proven = {source.by for source in one.sources}
    if proven <= {"third party"}:
        assert one.not_confirmed, "what rests on third parties only is not confirmed"


@pytest.mark.parametrize("slug", ALL)
def test_what_is_marked_up_can_be_shown(slug: str) -> None:
    for text in _texts(ALL[slug]):
        assert text.count("**") % 2 == 0, text
        assert text.count("`") % 2 == 0, text
        assert all(link.startswith("https://") for link in _LINK.findall(text)), text


@pytest.mark.parametrize("slug", ALL)
def test_its_tile_can_be_read(slug: str) -> None:
    shown = monogram(ALL[slug].name, slug, ALL[slug].colour)
    assert (shown.fill, shown.ink) == (ALL[slug].colour, "#ffffff"), "too light for white letters"


@pytest.mark.parametrize("slug", AUTOMATIC)
def test_its_connector_takes_its_settings_and_secrets(slug: str) -> None:
    one = ALL[slug]
    assert one.connector.kind in kinds()
    told = filling.settings(one, filling.examples(one))
    whole = filling.complete(slug, one.connector.kind, told)
    settings, secrets = schemas(one.connector.kind, whole)
    settings.model_validate(whole)
    wanted = {name for name, info in secrets.model_fields.items() if info.is_required()}
    given = {secret.name for secret in one.secrets} - one.oauth_places
    references = filling.secret_references(one, slug)
    if said := filling.oauth(one, filling.examples(one), references):
        OAuthSettings.model_validate(said)
        # The token comes from there when it is needed.
        wanted -= {TOKEN}
    assert wanted <= given <= set(secrets.model_fields)


@pytest.mark.parametrize("slug", AUTOMATIC)
def test_its_block_is_a_right_configuration(slug: str) -> None:
    """Expressions compile, settings and references are right: `config check` says so."""
    text = block(*prepare(ALL[slug], answers=filling.examples(ALL[slug])))
    loaded = read_text(text, name=f"{slug}.yaml")
    assert check(loaded.document, marks=loaded.marks).problems == ()
    application = (loaded.document.applications or {})[slug]
    assert application.mode == "report"
    assert application.catalogue == slug
    assert block(slug, application) == text


def test_specifications_are_those_of_the_examples() -> None:
    yaml = YAML(typ="safe", pure=True)
    examples = [yaml.load(path.read_text(encoding="utf-8")) for path in EXAMPLES.glob("*.yaml")]
    by_name = {example["name"]: example for example in examples}
    for one in ALL.values():
        spec = one.connector.spec
        assert not spec or by_name.get(spec["name"], spec) == spec, one.slug


def test_there_are_sixty_of_every_kind() -> None:
    assert len(ALL) >= 60
    assert {one.category for one in ALL.values()} <= set(CATEGORIES)
    assert any("self-hosted" in one.hosting for one in ALL.values())


def test_the_index_and_the_pages_are_current() -> None:
    files = made()
    old = [
        str(path)
        for path, text in files.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    assert not old, f"run `python tools/integrations.py`: {old}"
    pages = {path for path in files if path.suffix == ".md"}
    there = set(next(iter(pages)).parent.glob("*.md"))
    assert there == pages


def test_the_index_is_what_the_entries_say() -> None:
    assert {row.slug: row for row in listed()} == {k: Listed.of(one) for k, one in ALL.items()}
    assert entry("slack") is entry("slack")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sources": []}, "sources"),
        ({"instructions": {"general": ["Do."], "single_sign_on": ["Do."]}}, "provisioning"),
        ({"checked": None}, "checked"),
        ({"surprise": 1}, "surprise"),
        ({"cannot": ["create"]}, "in `can` and in `cannot`"),
        ({"settings": []}, "{host} stands for a setting that there is not"),
        ({"mapping": {}}, "no mapping"),
        ({"summary": "No full stop"}, "not a sentence"),
        ({"connector": {"kind": "manual"}}, "Nothing is asked or mapped"),
        ({"slug": "other"}, "Name both alike"),
    ],
)
def test_an_entry_that_is_not_whole_is_refused(
    change: dict[str, Any], said: str, tmp_path: Path
) -> None:
    yaml = YAML(typ="safe", pure=True)
    raw = yaml.load((ENTRIES / "gitlab.yaml").read_text(encoding="utf-8"))
    with (tmp_path / "gitlab.yaml").open("w", encoding="utf-8") as file:
        yaml.dump({**raw, **change}, file)
    with pytest.raises(ValueError, match=re.escape(said)):
        read(tmp_path / "gitlab.yaml")


def _texts(one: Entry) -> list[str]:
    steps: list[Step] = [
        *one.instructions.general,
        *one.instructions.single_sign_on,
        *one.instructions.provisioning,
    ]
    return [
        *(step.text for step in steps),
        *one.traps,
        *one.confirmed,
        *one.not_confirmed,
        one.summary,
        one.interface,
        one.licences,
    ]
