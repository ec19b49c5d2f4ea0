"""The answer to whoever saves what somebody else has changed meanwhile: what was, what is, what
would have been, and a way on with either."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from django.http import HttpResponse

from tenure.audit import selectors as audit
from tenure.configuration import editing
from tenure.console import conflicts, tried
from tenure.console.page import ConsoleRequest, render

#: What the form does not take along: its own. What is secret is kept for it (see `tried`).
_OWN = frozenset({"csrfmiddlewaretoken", "do", "seen", "base", tried.FIELD})


def answer(
    request: ConsoleRequest,
    name: str,
    lines: Iterable[conflicts.Line],
    overtaken: editing.Overtaken,
    *,
    kind: str,
    keep_url: str,
    labels: Mapping[str, str] | None = None,
    section: str = "settings",
    base: Mapping[str, Any] | None = None,
    secret: str = "",
) -> HttpResponse:
    """`name` is what they both changed, `kind` what the audit trail calls it, `keep_url` where
    theirs is, `base` what the form compares with next time, where that is less than all of it,
    `secret` the field that is sent back to no page.
    What was typed goes along, so that nothing is typed twice."""
    last = audit.last_change(kind, overtaken.slug or kind)
    words = labels or {}
    context = {
        "name": name,
        "gone": overtaken.now is None,
        "lines": [replace(line, name=words.get(line.name, line.name)) for line in lines],
        "who": last.actor if last else "",
        "when": last.at if last else None,
        "fields": [
            (key, str(value))
            for key, every in request.POST.lists()
            if key not in _OWN and key != secret
            for value in every
        ],
        "seen": editing.version(overtaken.now),
        "base": conflicts.write(overtaken.now if base is None else base),
        "keep_url": keep_url,
        "tried": tried.keep(request, secret) if secret else tried.Tried(),
    }
    return render(request, "console/conflict.html", context, section=section, status=409)
