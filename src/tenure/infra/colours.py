"""Colours: whether a text can be read on one, and which hue of ours is nearest to a company's."""

from __future__ import annotations

import math
from typing import Final

#: Ours, where a company has none.
DEFAULT: Final = "#0b6b53"
_DARK: Final = "#10201f"
_WHITE: Final = "#ffffff"


def contrast_with_white(colour: str) -> float:
    """WCAG 2.2 contrast ratio of `#rgb` or `#rrggbb` with white."""
    linear = _linear(colour)
    light = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return 1.05 / (light + 0.05)


def ink_on(colour: str) -> str:
    """White or nearly black: what can be read on it."""
    return _WHITE if contrast_with_white(colour) >= 4.5 else _DARK


def hue_and_chroma(colour: str) -> tuple[float, float]:
    """In OKLCH (degrees, 0 to about 0.37), as https://bottosson.github.io/posts/oklab/ computes it.
    A grey has no chroma, and its hue means nothing."""
    r, g, b = _linear(colour)
    long = math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
    middle = math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
    short = math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
    across = 1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short
    along = 0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short
    return math.degrees(math.atan2(along, across)) % 360, math.hypot(across, along)


def _linear(colour: str) -> tuple[float, float, float]:
    digits = colour.lstrip("#")
    if len(digits) == 3:
        digits = "".join(d * 2 for d in digits)
    parts = (int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4))
    r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return r, g, b
