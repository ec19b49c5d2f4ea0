"""The command line: thin commands that call services, show what they say and set the exit code.

Contract: names, exit codes and JSON fields stay. `--json` prints one JSON document to standard
output and nothing else; progress and messages go to standard error.
"""

from __future__ import annotations

from tenure.cli.app import main

__all__ = ["main"]
