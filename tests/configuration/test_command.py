"""`tenure config` as an administrator runs it: a process of its own, on a home of its own."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from subprocess import CompletedProcess, run

import pytest

ACME = Path(__file__).parents[2] / "examples" / "acme"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    # The embedded database may run as another user than we do.
    for parent in (folder, *folder.parents[:2]):
        parent.chmod(0o755)
    return folder


def tenure(home: Path, *arguments: object) -> CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "TENURE_EMBEDDED_URL"}}
    return run(
        [sys.executable, "-m", "tenure", "config", *map(str, arguments)],
        env={**kept, "TENURE_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_check_needs_no_database(tmp_path: Path) -> None:
    done = tenure(tmp_path / "none", "check", ACME / "tenure.yaml")
    assert (done.returncode, done.stdout) == (0, "")
    assert not (tmp_path / "none").exists()
    done = tenure(tmp_path / "none", "check", ACME / "tenure.yaml", "--json")
    assert json.loads(done.stdout) == {"problems": [], "notes": []}


def test_problems_go_to_standard_error_one_a_line(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("company:\n  name: Acme\n  time_zone: Mars/Olympus\nrules:\n  a: {name: A}\n")
    done = tenure(tmp_path, "check", file)
    assert (done.returncode, done.stdout) == (1, "")
    lines = done.stderr.splitlines()
    assert lines[0].startswith(f"{file}:5:3: rules.a.give: ")
    assert lines[1].startswith(f"{file}:5:3: rules.a.when: ")
    done = tenure(tmp_path, "check", file, "--json")
    assert done.returncode == 1
    assert [p["line"] for p in json.loads(done.stdout)["problems"]] == [5, 5]


def test_schema_is_json(tmp_path: Path) -> None:
    done = tenure(tmp_path, "schema")
    assert json.loads(done.stdout)["title"] == "Tenure configuration"


def test_diff_apply_export_and_back(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "tenure.yaml"
    shutil.copy(ACME / "tenure.yaml", file)
    done = tenure(home, "diff", file)
    assert done.returncode == 2, done.stderr
    assert "+ applications.chat\n" in done.stdout
    assert tenure(home, "apply", file).returncode == 0
    done = tenure(home, "diff", file, "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"changes": []})

    exported = tenure(home, "export")
    assert "CHAT_TOKEN" in exported.stdout
    again = tmp_path / "again.yaml"
    again.write_text(exported.stdout)
    assert tenure(home, "diff", again).returncode == 0

    text = file.read_text().replace("delete_after: P30D", "delete_after: P60D")
    file.write_text(text)
    done = tenure(home, "apply", file, "--json")
    assert json.loads(done.stdout) == {
        "changes": [
            {
                "kind": "changed",
                "path": "applications.chat.removal.delete_after",
                "before": "P30D",
                "after": "P60D",
            }
        ]
    }
    file.write_text(text.replace("user.department ==", "user.departmnt =="))
    done = tenure(home, "apply", file)
    assert done.returncode == 1
    assert "did you mean user.department" in done.stderr.lower()
    assert tenure(home, "diff", again).returncode == 2
