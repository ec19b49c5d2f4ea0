"""A QR code (ISO/IEC 18004) as SVG inside the page: always dark on light, with its quiet zone."""

from __future__ import annotations

import segno
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe


def svg(text: str, label: str) -> SafeString:
    """The code, with `label` for those who do not see it."""
    code = segno.make(text, error="m", micro=False, boost_error=False)
    # segno draws it from the text's bits; nothing of the text itself is in the mark-up.
    drawn = mark_safe(
        code.svg_inline(
            border=3, dark="#0c1413", light="#ffffff", omitsize=True, svgclass=None, lineclass=None
        )
    )
    return format_html('<div class="qr" role="img" aria-label="{}">{}</div>', label, drawn)
