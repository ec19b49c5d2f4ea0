"""What a phone needs to keep the portal among its applications: the manifest, icons, and a worker
that does one thing: it shows a page of its own where there is no network. Pages of people are never
kept on a device."""

from __future__ import annotations

import re
from typing import Final

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.http import require_safe

from tenure import __version__
from tenure.infra.colours import DEFAULT
from tenure.people.services import company
from tenure.portal import icons

_YEAR: Final = 365 * 24 * 3600
#: What the page without a network is made of.
_STYLES: Final = (
    "console/tokens.css",
    "console/console.css",
    "console/pages.css",
    "signin/door.css",
)


@require_safe
def manifest(request: HttpRequest) -> HttpResponse:
    """W3C Web App Manifest."""
    ours = company()
    return JsonResponse(
        {
            "id": reverse("portal:home"),
            "name": ours.name,
            "short_name": ours.name[:12],
            "description": f"Your applications at {ours.name}",
            "start_url": reverse("portal:home"),
            "scope": "/",
            "display": "standalone",
            "background_color": "#ffffff",
            "theme_color": ours.colour or DEFAULT,
            "icons": [
                _icon("192", "any"),
                _icon("512", "any"),
                _icon("maskable", "maskable"),
            ],
        },
        content_type="application/manifest+json",
    )


@require_safe
def icon(request: HttpRequest, colour: str, kind: str) -> HttpResponse:
    """`icon-7a2e8c-192.png`. Its address has the colour in it, so it may be kept for ever."""
    if not re.fullmatch(r"[0-9a-f]{6}", colour) or kind not in icons.KINDS:
        raise Http404
    response = HttpResponse(icons.png(kind, f"#{colour}"), content_type="image/png")
    response["Cache-Control"] = f"public, max-age={_YEAR}, immutable"
    return response


@require_safe
def worker(request: HttpRequest) -> HttpResponse:
    """The service worker. Its scope is the folder of its address, so it stands beside the pages."""
    kept = [reverse("portal:offline"), *(static(name) for name in _STYLES), *_brand()]
    context = {"version": __version__, "kept": kept}
    response = render(request, "portal/worker.js", context, content_type="text/javascript")
    response["Cache-Control"] = "no-cache"
    return response


@require_safe
def offline(request: HttpRequest) -> HttpResponse:
    """What is shown where there is no network. It says nothing of anybody."""
    styles = [*(static(name) for name in _STYLES), *_brand()]
    context = {"company": company(), "styles": styles}
    response = render(request, "portal/offline.html", context)
    response["Cache-Control"] = "no-cache"
    return response


def _icon(kind: str, purpose: str) -> dict[str, str]:
    pixels = icons.KINDS[kind].pixels
    colour = (company().colour or DEFAULT)[1:]
    return {
        "src": reverse("portal:icon", args=[colour, kind]),
        "sizes": f"{pixels}x{pixels}",
        "type": "image/png",
        "purpose": purpose,
    }


def _brand() -> list[str]:
    colour = company().colour
    return [reverse("signin:brand", args=[colour[1:]])] if colour else []
