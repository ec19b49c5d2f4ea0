"""The command line: thin commands that call services, show what they say and set the exit code.

Contract: names, exit codes and JSON fields stay. `--json` prints one JSON document to standard
output and nothing else; progress and messages go to standard error.

Commands import what they run inside their functions: models can be imported once `session` has
made Django ready, and `tenure --help` is there at once.
"""

from __future__ import annotations

from tenure.cli.app import main

__all__ = ["main"]
