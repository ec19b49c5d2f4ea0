"""Documentation that a reader may rely on: everything is named, links lead somewhere, and what is
shown is right."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from tenure.configuration.checking import check
from tenure.configuration.document import SECTIONS, Document
from tenure.configuration.reading import read_text
from tenure.connectors.registry import connector_class
from tenure.connectors.registry import kinds as connector_kinds
from tenure.core.expression_scopes import FUNCTION_NAMES, LONGEST_SOURCE
from tenure.core.expression_values import LONGEST_LIST, LONGEST_TEXT
from tenure.people.attributes import STANDARD
from tenure.readers.registry import kinds as reader_kinds
from tenure.readers.registry import reader_class
from tests.cli.test_every_command import LEAVES

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *ROOT.glob("examples/*/*.md")])
_LINK = re.compile(r"\]\((?!https?://|mailto:)([^)\s]*)\)")
_VARIABLE = re.compile(
    r"""environ(?:\.get\(|\.setdefault\(|\[)\s*"([A-Z_]+)"|"(TENURE_[A-Z_]+)\""""
)


def page(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


def sections(text: str) -> dict[str, str]:
    """Heading of the second level -> what stands under it."""
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def named(name: str, text: str) -> bool:
    """As code: alone, or as a key of an example."""
    return bool(re.search(rf"`{re.escape(name)}`|(?<![\w-]){re.escape(name)}:", text))


def examples(text: str) -> list[str]:
    return re.findall(r"^```yaml\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("words", LEAVES)
def test_every_command_and_option_is_in_the_reference(words: str) -> None:
    text = sections(page("commands.md")).get(f"tenure {words}")
    assert text is not None, f"tenure {words} is not documented"
    for parameter in LEAVES[words].params:
        for option in (*parameter.opts, *parameter.secondary_opts):
            if option.startswith("--") and option != "--json":
                assert f"`{option}`" in text, f"tenure {words} {option}"
    assert "Exit code:" in text
    assert "With `--json`:" in text
    for example in re.findall(r"Example: `([^`]+)`", LEAVES[words].help or ""):
        assert example in text


def test_the_reference_has_no_command_that_is_gone() -> None:
    told = {head.removeprefix("tenure ") for head in sections(page("commands.md"))}
    assert told == set(LEAVES)


def fields(model: type[BaseModel]) -> Iterator[str]:
    """The names of a model and of the models in it."""
    for name, info in model.model_fields.items():
        yield name
        for inner in models_in(info.annotation):
            yield from fields(inner)


def models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from models_in(argument)


@pytest.mark.parametrize("section", SECTIONS)
def test_every_line_of_the_configuration_is_in_the_reference(section: str) -> None:
    text = sections(page("configuration.md"))[section]
    (model,) = models_in(Document.model_fields[section].annotation)
    missing = [name for name in fields(model) if not named(name, text)]
    assert not missing, f"configuration.md, {section}: {missing}"
    assert examples(text), f"configuration.md, {section}: no example"


@pytest.mark.parametrize("kind", sorted(reader_kinds()))
def test_every_setting_of_a_reader_is_in_the_reference(kind: str) -> None:
    told = sections(page("configuration.md"))
    assert named(kind, told["sources"])
    # What is the same for applications is described there.
    text = told["sources"] + told["applications"]
    assert not [n for n in fields(reader_class(kind).Settings) if not named(n, text)]


@pytest.mark.parametrize("kind", sorted(connector_kinds()))
def test_every_setting_of_a_connector_is_in_the_reference(kind: str) -> None:
    text = sections(page("configuration.md"))["applications"]
    assert named(kind, text)
    found = connector_class(kind)
    names = [*fields(found.Settings), *fields(found.Secrets)]
    assert not [n for n in names if not named(n, text)]


def test_the_examples_of_the_configuration_are_one_right_document() -> None:
    text = page("configuration.md")
    loaded = read_text("\n".join(examples(text)), name="configuration.md")
    assert [str(p) for p in check(loaded.document, marks=loaded.marks).problems] == []
    assert all(getattr(loaded.document, section) for section in SECTIONS)


def test_every_environment_variable_that_is_read_is_in_the_reference() -> None:
    found = {
        first or second
        for path in (ROOT / "src").rglob("*.py")
        for first, second in _VARIABLE.findall(path.read_text(encoding="utf-8"))
    }
    assert {"TENURE_HOME", "DATABASE_URL", "TENURE_URL"} <= found
    assert not [name for name in sorted(found) if f"`{name}`" not in page("environment.md")]


def test_attributes_functions_and_limits_are_in_the_reference() -> None:
    text = page("attributes-and-expressions.md")
    for name, (label, kind) in STANDARD.items():
        assert f"| `{name}` | {label} | {kind.value} |" in text
    assert not [n for n in FUNCTION_NAMES if not re.search(rf"\b{n}\b", text)]
    for limit in (LONGEST_SOURCE, LONGEST_TEXT, LONGEST_LIST):
        assert f"{limit:,}" in text


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links_lead_somewhere(path: Path) -> None:
    broken = []
    for link in _LINK.findall(path.read_text(encoding="utf-8")):
        name, _, place = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        if not target.exists() or (place and place not in anchors(target)):
            broken.append(link)
    assert not broken, f"{path.relative_to(ROOT)}: {broken}"


def anchors(path: Path) -> set[str]:
    """As web pages for Markdown make them of headings."""
    heads = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


def test_the_quickstart_configures_something_that_is_right() -> None:
    (text,) = examples((ROOT / "docs" / "quickstart.md").read_text(encoding="utf-8"))
    loaded = read_text(text, name="quickstart.md")
    assert [str(p) for p in check(loaded.document, marks=loaded.marks).problems] == []
    assert loaded.document.rules
    applications = loaded.document.applications or {}
    modes = [application.mode for application in applications.values()]
    assert modes == ["live"], "`tenure apply` would write nothing"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_line_that_is_shown_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    shown = re.findall(r"(?:^|`)tenure ([a-z][^`#\n]*)", text, flags=re.MULTILINE)
    for line in shown:
        command = max(
            (w for w in LEAVES if f"{line.strip()} ".startswith(f"{w} ")), key=len, default=None
        )
        if command is None:
            assert any(w.startswith(line.strip()) for w in LEAVES), f"tenure {line}"
            continue
        known = {o for p in LEAVES[command].params for o in (*p.opts, *p.secondary_opts)}
        unknown = set(re.findall(r"(?<=\s)--[a-z-]+", line)) - known - {"--help", "--json"}
        assert not unknown, f"tenure {line}: {unknown}"
