"""Runs: the progress, counters and outcome of an import, a reconciliation or an execution."""
