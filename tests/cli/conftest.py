"""A company with applications in memory, and `tenure` run in this process on the test database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tenure.cli import main, output
from tests.provisioning.company import Company


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on standard output; more than one is an error."""
        return json.loads(self.out)


#: Takes the words of a command line.
Tenure: TypeAlias = Callable[..., Ended]


@pytest.fixture
def anywhere(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Tenure:
    """`tenure ...` as a function, for commands that need no database."""
    for console in (output.out, output.err):
        # Readline, which pytest loads, says how wide a terminal is where there is none.
        monkeypatch.setattr(console, "_width", None)

    def run(*arguments: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["tenure", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return run


@pytest.fixture
def tenure(anywhere: Tenure, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Tenure:
    """`tenure ...` as a function, on the test's own database."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    return anywhere


@pytest.fixture
def elsewhere(tmp_path: Path) -> Callable[..., Ended]:
    """`tenure ...` as a process of its own, with other settings in the environment."""

    def run(arguments: Sequence[str], **settings: str) -> Ended:
        kept = {k: v for k, v in os.environ.items() if k != "DATABASE_URL"}
        done = subprocess.run(
            [sys.executable, "-m", "tenure", *arguments],
            env={**kept, "TENURE_HOME": str(tmp_path / "home"), **settings},
            capture_output=True,
            text=True,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def company(transactional_db: None) -> Company:
    """Everybody has Chat; Sales has a group of its own there."""
    made = Company()
    made.application("chat", groups=["all", "sales"])
    made.rule("everyone", "has(user.department)", {"chat": ["group:all"]})
    made.rule("sales", 'user.department == "Sales"', {"chat": ["group:sales"]})
    return made
