"""A backup of a real home, restored into another one by real processes."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tenure.infra.backups import MARK, BackupError, read
from tenure.infra.dumping import load
from tenure.infra.postgres import database
from tenure.infra.postgres_place import PostgresError
from tests.conftest import copy_home, make_home, remove_home
from tests.connectors.servers import free_port

pytestmark = pytest.mark.long


def tenure(home: Path, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return subprocess.run(
        [sys.executable, "-m", "tenure", *words],
        env={**inherited, "TENURE_HOME": str(home)},
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture(scope="module")
def kept(begun: Path) -> Iterator[Path]:
    """A backup of a home that keeps a secret."""
    home, elsewhere = copy_home(begun), make_home()
    done = tenure(home, "secrets", "set", "chat-token", given="open sesame\n")
    assert done.returncode == 0, done.stderr
    folder = elsewhere / "backup"
    done = tenure(home, "backup", str(folder))
    assert done.returncode == 0, done.stderr
    yield folder
    remove_home(home)
    shutil.rmtree(elsewhere)


@pytest.fixture
def copy(kept: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(kept, tmp_path / "copy"))


@pytest.fixture
def home() -> Iterator[Path]:
    folder = make_home()
    yield folder
    remove_home(folder)


@pytest.fixture
def another(begun: Path) -> Iterator[Path]:
    """A home that is in use."""
    folder = copy_home(begun)
    yield folder
    remove_home(folder)


def test_a_backup_is_tried_and_restored_elsewhere(kept: Path, home: Path) -> None:
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept.iterdir()} == {0o600}
    tried = tenure(home, "restore", str(kept), "--check")
    assert (tried.returncode, tried.stderr) == (0, "")
    assert not (home / "postgres").exists(), "the check was made elsewhere"
    done = tenure(home, "restore", str(kept), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["unopened"] == []
    assert "chat-token" in tenure(home, "secrets", "list").stdout
    shown = tenure(home, "restored", "show", "--json")
    assert shown.returncode == 2
    assert json.loads(shown.stdout)["restored"] is True
    refused = tenure(home, "resume", "--reason", "impatient")
    assert refused.returncode == 1
    assert "tenure restored show" in refused.stderr
    assert "`tenure restored show`" in " ".join(tenure(home, "doctor").stdout.split())
    # It is a home like any other, with something in it.
    again = tenure(home, "restore", str(kept))
    assert again.returncode == 1
    assert "There are tables in this database already" in again.stderr
    assert tenure(home, "restored", "done", "--reason", "all of it is there").returncode == 0
    assert tenure(home, "restored", "show").returncode == 0


def test_a_folder_that_is_there_is_left_alone(kept: Path, another: Path) -> None:
    before = (kept / "backup.json").read_bytes()
    done = tenure(another, "backup", str(kept))
    assert done.returncode == 1
    assert "is there already" in done.stderr
    assert (kept / "backup.json").read_bytes() == before


@pytest.mark.parametrize("name", ["database.dump", "secrets.key", "django.key"])
def test_a_damaged_one_is_refused(copy: Path, name: str) -> None:
    path = copy / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(BackupError, match=f"{name} is not as it was written"):
        read(copy)


def test_one_that_lacks_something_is_refused(copy: Path) -> None:
    (copy / "secrets.key").unlink()
    with pytest.raises(BackupError, match="is no whole backup"):
        read(copy)
    (copy / "backup.json").write_text("[]")
    with pytest.raises(BackupError, match="is no backup"):
        read(copy)


def test_a_key_that_is_there_is_not_overwritten(kept: Path, home: Path) -> None:
    (home / "secrets.key").write_text("another")
    done = tenure(home, "restore", str(kept))
    assert done.returncode == 1
    assert "is another key than the backup's" in done.stderr
    assert (home / "secrets.key").read_text() == "another"


def test_all_of_it_or_nothing(kept: Path, home: Path) -> None:
    """What fails at the end leaves an empty database, which can be restored into again."""
    with database(home) as url:
        with pytest.raises(PostgresError, match="could not be loaded"):
            load(url, kept / "database.dump", afterwards="SELECT 1 / 0", room=home)
        with psycopg.connect(url) as connection:
            count = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
            assert connection.execute(count).fetchone() == (0,)
        assert sorted(path.name for path in home.glob(".*")) == []
        load(url, kept / "database.dump", afterwards=f"CREATE TABLE {MARK} (of text)", room=home)


def test_no_password_on_a_command_line(kept: Path, home: Path) -> None:
    """Others on the machine read those."""
    with database(home) as url:
        secret = (home / "postgres.password").read_text().strip()
        assert secret in url
        with pytest.raises(PostgresError) as told:
            load(url.replace("/tenure?", "/nothing?"), kept / "database.dump",
                 afterwards="SELECT 1", room=home)  # fmt: skip
        assert secret not in str(told.value)


def test_nothing_starts_without_the_key_of_what_is_sealed(kept: Path, home: Path) -> None:
    """`kept` is restored: the key is lost, refused, and given up."""
    assert tenure(home, "restore", str(kept)).returncode == 0
    key = home / "secrets.key"
    key.unlink()
    for words in (
        ("up", "--port", str(free_port())),
        ("web", "--port", str(free_port())),
        ("worker",),
    ):
        done = tenure(home, *words)
        assert done.returncode == 1, words
        assert f"{key} is not there" in done.stderr
        assert "tenure secrets begin-anew" in done.stderr
    looked = tenure(home, "doctor", "--json")
    [line] = [one for one in json.loads(looked.stdout) if one["what"] == "secrets"]
    assert (line["ok"], f"{key} is not there" in line["detail"]) == (False, True)
    assert tenure(home, "backup", str(home / "copy")).returncode == 1
    assert not key.exists()
    done = tenure(home, "secrets", "begin-anew", "--reason", "no backup of it")
    assert done.returncode == 0, done.stderr
    assert "chat-token: enter it again with `tenure secrets set chat-token`" in done.stderr
    assert key.exists()
