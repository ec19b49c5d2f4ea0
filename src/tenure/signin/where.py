"""Where a request comes from, in words that a person recognises: the address, and the browser and
system that it says it is. Said by the browser itself, so it informs people and decides nothing."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from django.conf import settings
from django.http import HttpRequest

_BROWSERS: Final = (
    ("Edge", r"\bEdg(?:A|iOS)?/"),
    ("Samsung Internet", r"\bSamsungBrowser/"),
    ("Opera", r"\bOPR/"),
    ("Firefox", r"\b(?:Firefox|FxiOS)/"),
    ("Chrome", r"\b(?:Headless)?(?:Chrome|CriOS)/"),
    ("Safari", r"\bSafari/"),
)
_SYSTEMS: Final = (
    ("Android", r"\bAndroid\b"),
    ("iPhone", r"\biPhone\b"),
    ("iPad", r"\biPad\b"),
    ("Windows", r"\bWindows\b"),
    ("ChromeOS", r"\bCrOS\b"),
    ("macOS", r"\bMac OS X\b|\bMacintosh\b"),
    ("Linux", r"\bLinux\b|\bX11\b"),
)


def address_of(request: HttpRequest) -> str | None:
    """The client's IP address. Behind proxies (`TENURE_PROXIES` says how many) it is what the
    outermost of ours saw; whatever the client itself put into the header is further left."""
    found = request.META.get("REMOTE_ADDR") or ""
    if settings.TENURE_PROXIES:
        hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",")]
        if len(hops) >= settings.TENURE_PROXIES:
            found = hops[-settings.TENURE_PROXIES]
    try:
        return str(ipaddress.ip_address(found))
    except ValueError:
        return None


def browser_of(request: HttpRequest) -> str:
    """`Chrome on Windows`."""
    told = request.headers.get("User-Agent", "")[:500]
    browser = _first(_BROWSERS, told) or "A browser"
    system = _first(_SYSTEMS, told)
    return f"{browser} on {system}" if system else browser


def device_of(request: HttpRequest) -> str:
    """A name for a new passkey: `iPhone`, `Windows computer`."""
    told = request.headers.get("User-Agent", "")[:500]
    system = _first(_SYSTEMS, told)
    if system in ("iPhone", "iPad"):
        return system
    if system == "Android":
        return "Android phone"
    return f"{system} computer" if system else "Passkey"


def _first(known: tuple[tuple[str, str], ...], told: str) -> str:
    return next((name for name, pattern in known if re.search(pattern, told)), "")
