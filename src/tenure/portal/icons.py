"""Icons for the phone's home screen: our mark on the company's colour, drawn here as PNG, so that
they need no picture library and no files. The mark is that of `console/icon.svg`."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from tenure.infra.colours import ink_on

#: The drawing's own units.
_BOX: Final = 24.0
_STROKE, _CORE = 1.0, 2.4


@dataclass(frozen=True, slots=True)
class Kind:
    """`pixels` wide and high. `corner`: its radius in units; 0 fills the square, where a system
    cuts the icon into a shape of its own. `scale`: how large the mark is drawn."""

    pixels: int
    corner: float = 0.0
    scale: float = 1.0


#: By name in the address. A maskable icon keeps its mark within the inner four fifths
#: (W3C Web App Manifest, section 2.8.3.2).
KINDS: Final = {
    "192": Kind(192, corner=6.0),
    "512": Kind(512, corner=6.0),
    "maskable": Kind(512, scale=0.8),
    "apple": Kind(180, scale=0.9),
}


@lru_cache(maxsize=16)
def png(kind: str, colour: str) -> bytes:
    """The icon of this kind on `#rrggbb`. Raises `KeyError` for a kind that is none."""
    wanted = KINDS[kind]
    back, ink = _parts(colour), _parts(ink_on(colour))
    # It is the same from left to right and from top to bottom: a quarter is drawn.
    upper = []
    for row in range(wanted.pixels // 2):
        half = [
            bytes((*(_mix(b, i, mark) for b, i in zip(back, ink, strict=True)), round(255 * shape)))
            for mark, shape in _covered(wanted, row)
        ]
        upper.append(b"\0" + b"".join(half) + b"".join(reversed(half)))
    lines = b"".join(upper) + b"".join(reversed(upper))
    head = struct.pack(">IIBBBBB", wanted.pixels, wanted.pixels, 8, 6, 0, 0, 0)
    chunks = (b"IHDR" + head, b"IDAT" + zlib.compress(lines, 9), b"IEND")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        for chunk in chunks
    )


def _covered(kind: Kind, row: int) -> Iterator[tuple[float, float]]:
    """Of the left half of a row: how much of each pixel is mark, and how much is icon at all."""
    unit = _BOX / kind.pixels
    y = (row + 0.5) * unit
    for column in range(kind.pixels // 2):
        x = (column + 0.5) * unit
        yield (
            _share(_mark((x - 12) / kind.scale, (y - 12) / kind.scale) * kind.scale, unit),
            _share(_outside(x, y, kind.corner), unit) if kind.corner else 1.0,
        )


def _mark(x: float, y: float) -> float:
    """Distance to the mark from a point left of its middle: two posts, a bar, a disc in between."""
    post = math.hypot(x + 4.5, max(abs(y) - 5.5, 0)) - _STROKE
    bar = math.hypot(max(abs(x) - 4.5, 0), y) - _STROKE
    return min(post, bar, math.hypot(x, y) - _CORE)


def _outside(x: float, y: float, corner: float) -> float:
    """Distance from a point of the upper left quarter to the rounded square."""
    return math.hypot(max(corner - x, 0), max(corner - y, 0)) - corner


def _share(distance: float, unit: float) -> float:
    return min(max(0.5 - distance / unit, 0.0), 1.0)


def _mix(back: int, ink: int, share: float) -> int:
    return round(back + (ink - back) * share)


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
