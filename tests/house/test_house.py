"""What a reader may count on in every file of the checkout."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
MODULES = sorted(
    path
    for folder in ("src", "tests", "bench", "examples")
    for path in (ROOT / folder).rglob("*.py")
    if path.parent.name != "migrations"
)
LONGEST = {"tests": 600}
LONGEST_ELSEWHERE = 450

# Where packages come from is the machine's business: the lock files work with every mirror.
REGISTRY = re.compile(
    r"pythonhosted|pypi\.(?:org|python)|test\.pypi|--(?:extra-)?index-url\s*=?\s*\S*//"
    r"|registry\.npmjs|unpkg\.com|jsdelivr|cdnjs",
    re.IGNORECASE,
)
MACHINE = re.compile(r"file://|/root/|/home/\w+/|/opt/(?:wheels|pypi)|/tmp/(?!tenure-)\w+")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def kept_files() -> list[Path]:
    """The files of the checkout that git keeps or would keep; all, where there is no git."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        return [path for path in ROOT.glob("[!.]*") if path.is_file()]
    return [ROOT / item for item in listed.stdout.split("\0") if item and (ROOT / item).is_file()]


def text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def test_there_is_something_to_look_at() -> None:
    assert len(MODULES) > 50
    assert len(kept_files()) > 10


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_fits_in_the_head(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    longest = LONGEST.get(path.relative_to(ROOT).parts[0], LONGEST_ELSEWHERE)
    assert lines <= longest, f"{name(path)} has {lines} lines; divide it"


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_says_what_it_is_for(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not tree.body or ast.get_docstring(tree), f"{name(path)} begins with no docstring"


def test_no_file_names_a_registry() -> None:
    here = Path(__file__)
    found = [name(p) for p in kept_files() if p != here and REGISTRY.search(text_of(p))]
    assert not found, f"a registry or a CDN is named in {found}"


@pytest.mark.parametrize("path", sorted(ROOT.glob("*.lock")), ids=name)
def test_a_lock_has_versions_and_hashes_only(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for line in text.splitlines():
        assert re.fullmatch(
            r"[a-z0-9.-]+==\S+(?: ; .+)? \\| +--hash=sha256:[0-9a-f]{64}(?: \\)?|#.*|", line
        ), f"{name(path)}: {line!r}"
    assert not MACHINE.search(text)


def test_the_licence_is_the_one_that_is_named() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert 'license = "Apache-2.0"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
