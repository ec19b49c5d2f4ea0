"""The company's colour, as a stylesheet: our lightness with its hue, so that everything stays
readable in light and dark whatever the colour is. Its address has the colour in it, so it may be
kept for ever."""

from __future__ import annotations

import re

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from tenure.infra.colours import hue_and_chroma

_YEAR = 365 * 24 * 3600
_GREY = 0.03


@require_safe
def stylesheet(request: HttpRequest, colour: str) -> HttpResponse:
    """`brand-7a2e8c.css`."""
    if not re.fullmatch(r"[0-9a-f]{6}", colour):
        raise Http404
    hue, chroma = hue_and_chroma(colour)
    # Tokens are drawn with about this much colour; a grey company stays grey.
    much = min(chroma, 0.13) if chroma > _GREY else 0.0
    soft = f"oklch(0.952 {much / 4:.3f} {hue:.1f}), oklch(0.295 {much / 3:.3f} {hue:.1f})"
    text = f"""/* Level by level as in tokens.css. */
:root {{
  --accent: light-dark(oklch(0.475 {much:.3f} {hue:.1f}), oklch(0.79 {much:.3f} {hue:.1f}));
  --accent-strong: light-dark(oklch(0.42 {much:.3f} {hue:.1f}), oklch(0.84 {much:.3f} {hue:.1f}));
  --accent-ink: light-dark(oklch(1 0 0), oklch(0.19 {much / 4:.3f} {hue:.1f}));
  --accent-soft: light-dark({soft});
}}
"""
    response = HttpResponse(text, content_type="text/css; charset=utf-8")
    response["Cache-Control"] = f"public, max-age={_YEAR}, immutable"
    return response
