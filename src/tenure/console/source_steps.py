"""The steps on which a source is set up: which there are, and the way back to where they began."""

from __future__ import annotations

from typing import Any

from tenure.console.page import ConsoleRequest
from tenure.setup import source_drafts, steps


def frame(request: ConsoleRequest, slug: str) -> dict[str, Any]:
    """What every step shows."""
    back = request.GET.get("back", request.POST.get("back", ""))
    return {"back": back, "draft": source_drafts.draft(slug) is not None, "steps": steps.NAMES}


def with_back(request: ConsoleRequest, url: str) -> str:
    """An address, to come back from to the first steps where the source is one of them."""
    back = request.GET.get("back", request.POST.get("back", ""))
    return f"{url}?back=start" if back == "start" else url
