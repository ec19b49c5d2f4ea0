"""An import that is under way or waits for a worker, for pages that show it until it has ended."""

from __future__ import annotations

from typing import Any

from tenure.infra.clock import now
from tenure.infra.jobs import is_queued, live_workers
from tenure.runs.models import Run, RunKind, RunState
from tenure.runs.progress import progress


def reading(slug: str) -> dict[str, Any]:
    """Whether the source is `busy`, with what `parts/source_live.html` shows of it."""
    running = Run.objects.filter(kind=RunKind.IMPORT, subject=slug, state=RunState.RUNNING).first()
    waits = is_queued(f"import {slug}")
    return {
        "slug": slug,
        "running": running,
        "progress": progress(running, now()) if running else None,
        "waits": waits and running is None,
        "busy": bool(running or waits),
        "workers": len(live_workers()) if waits and running is None else 1,
    }
