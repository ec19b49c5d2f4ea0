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

#: Where modules of ours may be imported inside functions, and why there is no other way. Between
#: modules of one floor it would hide a circle: move down what both need, or pass a callable.
IMPORTS_LATE = {
    "src/tenure/cli/": "a command loads what it runs: `tenure --help` waits for nothing else",
    "apps.py": "models can be imported once Django is ready",
    "src/tenure/config/bootstrap.py": "models can be imported once Django is ready",
    "src/tenure/config/upgrading.py": "what comes after a restore is loaded after a restore",
    "src/tenure/configuration/exporting.py": "a document is written without a database",
    "src/tenure/provisioning/planning/process.py": "models can be imported once Django is ready",
    "src/tenure/readers/files/source.py": "who reads a file of this machine loads no HTTP, no SSH",
}


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


def imports_in_functions(path: Path) -> list[str]:
    """`line: module` of what is imported of ours inside functions."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    found = set()
    for node in (inner for function in functions for inner in ast.walk(function)):
        if isinstance(node, ast.ImportFrom):
            found.add((node.lineno, "." * node.level + (node.module or "")))
        elif isinstance(node, ast.Import):
            found |= {(node.lineno, item.name) for item in node.names}
    ours = re.compile(r"tenure(\.|$)|\.")
    return [f"{line}: {module}" for line, module in sorted(found) if ours.match(module)]


def test_modules_are_imported_where_a_reader_looks_for_them() -> None:
    late = {
        name(path): found
        for path in MODULES
        if path.is_relative_to(ROOT / "src") and (found := imports_in_functions(path))
    }

    def said(place: str) -> set[str]:
        return {x for x in IMPORTS_LATE if place.startswith(x) or place.endswith("/" + x)}

    hidden = {place: found for place, found in late.items() if not said(place)}
    assert not hidden, f"imported inside functions: {hidden}; see IMPORTS_LATE"
    used = {x for place in late for x in said(place)}
    assert used == IMPORTS_LATE.keys(), "what imports nothing late any more need not be listed"


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
