"""Waking the jobs of an application, in the caller's transaction. By their names: the jobs
(`tasks`) call nearly all of this package, and whoever wakes them is called by it."""

from __future__ import annotations

from tenure.audit.services import actor
from tenure.infra.jobs import defer_once


def queue_drain(slug: str) -> None:
    """Wake a drain for the application; one that waits already is enough."""
    defer_once("tenure.drain", queueing_lock=f"drain {slug}", slug=slug)


def queue_reconcile(slug: str) -> None:
    """Read the application's accounts soon, for whoever is acting now. One that waits already is
    enough, and stays whoever's it is."""
    defer_once("tenure.reconcile", queueing_lock=f"reconcile {slug}", slug=slug, asked_by=actor())


def queue_catching_up() -> None:
    """Plan soon what was postponed and need not have been: its outcome was just stored."""
    defer_once("tenure.catch_up", queueing_lock="catch up")
