"""Sending a browser to another page, for pages of everybody who signs in."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode


def go(request: HttpRequest, address: str) -> HttpResponse:
    """For htmx, a header that makes the browser go there: a redirect would land in the page."""
    if request.headers.get("HX-Request"):
        response = HttpResponse(status=204)
        response["HX-Redirect"] = address
        return response
    return redirect(address)


def to_sign_in(request: HttpRequest, *, back: bool = False) -> HttpResponse:
    """To the door; `back`: and from there to the page that was asked for, or on which something
    was asked for."""
    address = reverse("signin:index")
    if back and (path := _page(request)):
        address += "?" + urlencode({"next": path})
    return go(request, address)


def _page(request: HttpRequest) -> str:
    """The path of the page that the browser shows, or is about to; empty if it does not say."""
    if request.headers.get("HX-Request"):
        return urlsplit(request.headers.get("HX-Current-URL", "")).path
    if request.method in ("GET", "HEAD"):
        return request.get_full_path()
    return urlsplit(request.headers.get("Referer", "")).path
