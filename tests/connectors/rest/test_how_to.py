"""docs/how-to/write-a-connector.md, played as it is written: every command, on the application
that it speaks of."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.connectors.rest.intranet import KEY, intranet

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "how-to" / "write-a-connector.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.long
def test_what_the_page_says_is_true(tmp_path: Path) -> None:
    with intranet(tmp_path / "log") as address:
        _play(address, tmp_path)


def _play(address: str, tmp_path: Path) -> None:
    specification, configuration = blocks("yaml")
    commands = [
        line.replace("http://127.0.0.1:8765", address)
        for block in blocks("sh")[1:]
        for line in block.splitlines()
    ]
    assert len(commands) == 9
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    said: list[str] = []
    for line in commands:
        words = shlex.split(line.partition(" > ")[0])
        if words[0] == "export":
            name, _, value = words[1].partition("=")
            environment[name] = value
            continue
        assert words[0] == "tenure"
        ended = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, f"{line}\n{ended.stdout}\n{ended.stderr}"
        said.append(ended.stdout)
        if "connector new" in line:
            assert (tmp_path / "intranet.yaml").exists()
            # The reader's own work.
            (tmp_path / "intranet.yaml").write_text(specification, encoding="utf-8")
            text = configuration.replace("http://127.0.0.1:8765", address)
            (tmp_path / "tenure.yaml").write_text(
                f"company: {{name: Acme}}\n{text}", encoding="utf-8"
            )
    _, _, static, read, write, recorded, played, _ = said
    assert "POST /staff/{id}/close" in static
    assert "6 on the first page" in read
    for what in ("Make an account", "Find it by userName", "Put it into a group", "Open it again"):
        assert f"works     {what} " in write
    assert "fails" not in write + read + played
    assert "no way to delete accounts" in write
    assert len(played.splitlines()) == len(recorded.splitlines()) == len(write.splitlines())
    assert KEY not in (tmp_path / "intranet.json").read_text(encoding="utf-8")


def test_the_mistake_that_the_page_shows_is_told_so(tmp_path: Path) -> None:
    wrong = blocks("yaml")[0].replace("=page.offset", "=page.ofset")
    (tmp_path / "intranet.yaml").write_text(wrong, encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-m", "tenure", "connector", "check", "intranet.yaml"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    shown = " ".join(re.search(r"`(intranet\.yaml:.*?)`", PAGE, flags=re.DOTALL)[1].split())  # type: ignore[index]
    assert (ended.returncode, ended.stdout) == (1, "")
    assert shown in ended.stderr
